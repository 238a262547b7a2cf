from __future__ import annotations

import json
from typing import Any

from rest_framework.test import APIClient

from apikeys.models import APIKey
from privacy.inventory import HIDDEN
from tests.privacy.conftest import IDENTIFIERS, Person


def export_of(person: Person) -> dict[str, Any]:
    answer = person.api.get("/api/v1/me/export")
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    found: dict[str, Any] = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    return found


def test_it_is_everything_that_is_known_of_her(person: Person):
    person.live()
    told = export_of(person)
    text = json.dumps(told, ensure_ascii=False)
    assert [word for word in IDENTIFIERS if word not in text] == []
    assert told["profile"]["email"] == "griselda.goose@example.com"
    assert [row["status"] for row in told["billing_payment"]] == ["succeeded"]
    assert told["usage_usageevent"][0]["metadata"] == {"note": "feather count"}
    assert {row["amount"] for row in told["ledger_entries"]} >= {9700, -9700}
    assert {"Customer", "Subscription"} <= {each["kind"] for each in told["at_the_provider"]}


def test_it_has_no_secrets_in_it(person: Person):
    person.live()
    told = export_of(person)
    text = json.dumps(told)
    # Stripe's cards have a fingerprint, too, which is hers to know.
    del told["at_the_provider"]
    for name in HIDDEN:
        assert f'"{name}"' not in json.dumps(told)
    assert person.user.password not in text
    assert str(APIKey.objects.exclude(key_hash=None).get().key_hash) not in text


def test_it_is_of_nobody_else(person: Person):
    person.live()
    other = person.shop.person("gander@example.com", name="Gander Goose")
    person.shop.buy(other)
    text = json.dumps(export_of(person))
    assert "Gander Goose" not in text
    assert "gander@example.com" not in text
    assert "staff@example.com" not in text


def test_whoever_has_nothing_gets_an_empty_one(person: Person):
    told = export_of(person)
    assert told["billing_order"] == told["at_the_provider"] == []
    assert len(told["sessions_live_livesession"]) == 1


def test_who_is_not_signed_in_gets_none(person: Person):
    assert APIClient().get("/api/v1/me/export").status_code == 401
    assert APIClient().delete("/api/v1/me", {"password": "x"}).status_code == 401
