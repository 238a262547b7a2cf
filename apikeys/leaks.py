"""Keys that were found in public: GitHub's secret scanning reports them here, signed."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from apikeys import keys, notices
from apikeys.minting import digest
from apikeys.models import APIKey
from config.kit.errors import AppError

alarm = logging.getLogger("alarm")

Signers = Mapping[str, EllipticCurvePublicKey]


class Forged(AppError):
    code = "forged"
    status = 403
    detail = "This report is not signed by anyone we know."


class Malformed(AppError):
    code = "malformed"
    detail = "A report is an array of objects with token, type and url."


class Found(BaseModel):
    token: str = Field(repr=False)
    type: str = ""
    # Whatever its length and letters: no key goes on working because of where it was found.
    url: Annotated[str, AfterValidator(lambda url: url.replace("\0", "")[:2000])] = ""


REPORT = TypeAdapter(Annotated[list[Found], Field(max_length=1000)])


def known_signers() -> Signers:
    """Raises ImproperlyConfigured where the file cannot be read."""
    return signers_in(settings.LEAK_REPORT_KEYS) if settings.LEAK_REPORT_KEYS else {}


@cache
def signers_in(file: str) -> Signers:
    """From what GitHub publishes at /meta/public_keys/secret_scanning, kept in a file: nothing is
    fetched while somebody waits, and nobody is believed because of what they sent."""
    try:
        listed = json.loads(Path(file).read_text())["public_keys"]
        return {each["key_identifier"]: signer(each["key"]) for each in listed}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"LEAK_REPORT_KEYS: {file} cannot be read: {error}") from error


def signer(pem: str) -> EllipticCurvePublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("not an ECDSA P-256 key")
    return key


def refuse_forged(body: bytes, *, identifier: str, signature: str) -> None:
    """Raises Forged."""
    known = known_signers().get(identifier)
    try:
        if known is None:
            raise Forged()
        known.verify(base64.b64decode(signature, validate=True), body, ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise Forged() from error


def follow_report(body: bytes) -> list[dict[str, Any]]:
    """What each token is, by its hash. Safe to repeat. Raises Malformed."""
    try:
        report = REPORT.validate_json(body)
    except ValidationError as error:
        raise Malformed() from error
    return [
        {
            "token_hash": digest(found.token),
            "token_type": found.type,
            "label": "true_positive" if end_leaked(found) else "false_positive",
        }
        for found in report
    ]


@transaction.atomic
def end_leaked(found: Found) -> bool:
    """Whether it is a key of ours, in whatever state."""
    key = APIKey.objects.select_related("user").filter(key_hash=digest(found.token)).first()
    if key is None:
        return False
    if keys.revoke(key, reason=f"found in public: {found.url}"):
        notices.key_leaked(key, found_at=found.url)
        alarm.error("API key leaked", extra={"key": key.pk, "found_at": found.url})
    return True
