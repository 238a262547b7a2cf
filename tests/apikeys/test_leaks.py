from __future__ import annotations

import base64
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from apikeys.leaks import signers_in
from apikeys.minting import mint
from apikeys.models import APIKey
from billing.mails.models import Mail
from sessions_live.models import User
from tests.apikeys.conftest import bearer, signed_in

DOOR = "/webhooks/leaked-keys"
GITHUB = ec.generate_private_key(ec.SECP256R1())
MALLORY = ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, info).decode()


def listing(folder: Path, pem: str) -> str:
    file = folder / "keys.json"
    each = {"key_identifier": "k1", "key": pem, "is_current": True}
    file.write_text(json.dumps({"public_keys": [each]}))
    return str(file)


@pytest.fixture(autouse=True)
def _known(settings: Any, tmp_path: Path) -> None:
    settings.LEAK_REPORT_KEYS = listing(tmp_path, public(GITHUB))


def found(*tokens: str) -> str:
    where = {"type": "billing_key", "url": "https://example.com/blob/1", "source": "content"}
    return json.dumps([{"token": token, **where} for token in tokens])


def report(body: str, *, by: Any = GITHUB, key: str = "k1", signed: str | None = None) -> Any:
    signature = by.sign((signed or body).encode(), ec.ECDSA(hashes.SHA256()))
    return Client(enforce_csrf_checks=True).post(
        DOOR,
        body,
        content_type="application/json",
        headers={
            "Github-Public-Key-Identifier": key,
            "Github-Public-Key-Signature": base64.b64encode(signature).decode(),
        },
    )


def test_a_key_found_in_public_is_revoked(secret: str, caplog: pytest.LogCaptureFixture):
    unknown = mint()
    with caplog.at_level(logging.ERROR, "alarm"):
        answer = report(found(secret, unknown, "AKIAEXAMPLE"))
    assert answer.status_code == 200
    assert [each["label"] for each in answer.json()] == [
        "true_positive",
        "false_positive",
        "false_positive",
    ]
    assert answer.json()[0]["token_hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert bearer(secret).get("/api/v1/me").status_code == 401
    row = APIKey.objects.get(name="Importer")
    assert row.revoke_reason == "found in public: https://example.com/blob/1"
    assert "API key leaked" in caplog.text
    assert secret not in answer.content.decode() + caplog.text


def test_its_owner_is_told_by_mail_once_where_it_was_found(secret: str, owner: User):
    report(found(secret, secret))
    report(found(secret))
    mail = Mail.objects.get(template="key_leaked")
    assert mail.to == owner.email
    assert mail.context == {
        "name": "Importer",
        "prefix": secret[:20],
        "found_at": "https://example.com/blob/1",
    }


def test_nobody_is_told_of_a_key_that_was_revoked_before(secret: str, owner: User):
    key = APIKey.objects.get(name="Importer")
    signed_in(owner).delete(f"/api/v1/api-keys/{key.pk}")
    assert report(found(secret)).json()[0]["label"] == "true_positive"
    assert not Mail.objects.filter(template="key_leaked").exists()


@pytest.mark.parametrize("url", ["", "a\0b", f"https://example.com/{'deep/' * 2000}"])
def test_wherever_it_was_found_it_is_revoked(secret: str, url: str):
    answer = report(json.dumps([{"token": "x" * 5000}, {"token": secret, "url": url}]))
    labels = [each["label"] for each in answer.json()]
    assert labels == ["false_positive", "true_positive"]
    assert bearer(secret).get("/api/v1/me").status_code == 401


def test_a_second_report_says_the_same(secret: str):
    first, again = report(found(secret)), report(found(secret))
    assert first.json() == again.json()


@pytest.mark.parametrize(
    "forgery",
    [
        {"by": MALLORY},
        {"key": "k2"},
        {"key": ""},
        {"signed": "[]"},
    ],
)
def test_a_forged_report_is_refused_and_changes_nothing(secret: str, forgery: dict[str, Any]):
    answer = report(found(secret), **forgery)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "forged"
    assert bearer(secret).get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("signature", ["", "no base64!", "AAAA", "é"])
def test_a_report_with_a_broken_signature_is_refused(secret: str, signature: str):
    headers = {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": signature}
    answer = Client().post(DOOR, found(secret), content_type="application/json", headers=headers)
    assert answer.status_code == 403


def test_nobody_is_believed_where_no_signer_is_known(secret: str, settings: Any):
    settings.LEAK_REPORT_KEYS = ""
    assert report(found(secret)).status_code == 403


@pytest.mark.parametrize("body", ["", "{}", "[1]", '[{"type": "x"}]', '[{"token": 1}]', "[" * 5000])
def test_a_signed_report_that_makes_no_sense_is_refused(db: None, body: str):
    answer = report(body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "malformed"


def test_a_report_is_posted(db: None):
    assert Client().get(DOOR).status_code == 405


def test_a_list_of_signers_that_cannot_be_read_stops_the_start(tmp_path: Path):
    other_curve = ec.generate_private_key(ec.SECP384R1())
    for text in (public(other_curve), "no key"):
        folder = tmp_path / str(len(text))
        folder.mkdir()
        with pytest.raises(ImproperlyConfigured, match="LEAK_REPORT_KEYS"):
            signers_in(listing(folder, text))
    with pytest.raises(ImproperlyConfigured, match="LEAK_REPORT_KEYS"):
        signers_in(str(tmp_path / "nowhere"))
