from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apikeys.models import APIKey
from billing.models import Entitlement
from sessions_live.models import User
from tests.apikeys.conftest import Shop, first_key, lose_access, regain_access, revealed, signed_in
from tests.apikeys.test_admin import page, staff


def why(console: Client, user: User, at: datetime | None = None) -> str:
    asked = f"?user={user.email}"
    if at is not None:
        asked += f"&at={at:%Y-%m-%dT%H:%M}"
    return page(console, f"/admin/billing/entitlement/why/{asked}")


def test_the_chain_goes_from_the_event_to_the_key(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    console = staff("Auditor")
    chain = why(console, alice)
    place = chain.index("What they may do")
    for step in ("customer.subscription.created", "Subscription <a", "Right <a", "API keys"):
        place = chain.index(step, place)
    assert "Not revealed yet" in chain
    secret = revealed(alice)
    chain = why(console, alice)
    assert f"{secret[:20]}" in chain
    assert "Made by the first payment. Works." in chain
    assert secret not in chain


@pytest.fixture
def past(owner: User) -> dict[str, datetime]:
    """A key that was made ten days ago, while access was there from eight to two days ago."""
    now = timezone.now()
    made = signed_in(owner).post("/api/v1/api-keys", {"name": "Importer"})
    key = APIKey.objects.filter(pk=made.json()["id"])
    key.update(created_at=now - timedelta(days=10))
    lose_access(owner)
    Entitlement.objects.update(
        granted_at=now - timedelta(days=8), revoked_at=now - timedelta(days=2)
    )
    return {str(days): now - timedelta(days=days) for days in (12, 9, 5, 1)}


@pytest.mark.parametrize(
    ("days", "words"),
    [("12", "None"), ("9", "Suspended"), ("5", "Works."), ("1", "Suspended")],
)
def test_the_past_is_told_as_it_was(owner: User, past: dict[str, datetime], days: str, words: str):
    answer = why(staff("Auditor"), owner, past[days])
    keys = answer[answer.index("API keys", answer.index("What they may do")) :]
    assert words in keys
    assert ("Importer" in keys) is (days != "12")


def test_revoked_keys_say_by_whom_and_returning_rights_bring_keys_back(owner: User):
    made = signed_in(owner).post("/api/v1/api-keys", {"name": "Importer"})
    lose_access(owner)
    assert "Suspended: no right is in force." in why(staff("Auditor"), owner)
    regain_access(owner)
    signed_in(owner).delete(f"/api/v1/api-keys/{made.json()['id']}")
    assert ": by its owner." in why(staff("Finance"), owner)
    assert first_key(owner).status == "unrevealed"


def test_before_a_key_was_revealed_nobody_had_it(owner: User):
    now = timezone.now()
    Entitlement.objects.update(granted_at=now - timedelta(days=9))
    revealed(owner)
    APIKey.objects.update(created_at=now - timedelta(days=8), revealed_at=now - timedelta(days=4))
    console = staff("Auditor")
    for days, words in ((6, "Not revealed yet"), (2, "Made by the first payment. Works.")):
        assert words in why(console, owner, now - timedelta(days=days))


def test_a_key_that_was_revoked_unrevealed_never_worked(owner: User):
    now = timezone.now()
    Entitlement.objects.update(granted_at=now - timedelta(days=9))
    APIKey.objects.update(created_at=now - timedelta(days=8))
    signed_in(owner).delete(f"/api/v1/api-keys/{first_key(owner).pk}")
    assert "Not revealed yet" in why(staff("Auditor"), owner, now - timedelta(days=6))
