"""What was never told, and what was changed behind our back."""

from __future__ import annotations

import json

import pytest

from billing.models import Entitlement, Payment, Subscription
from billing.webhooks.models import WebhookEvent
from tests.billing.conftest import Shop, shop  # noqa: F401 - a fixture
from tests.billing.reconciliation.test_reconcile import reconcile, state
from tests.scorecard.conftest import Score

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(900)]

BUYERS = 130
PLANTED = {
    "subscription_missing": 5,
    "payment_missing": 5,
    "subscription_status": 6,
    "subscription_terms": 6,
    "payment_status": 5,
    "payment_amount": 5,
    "entitlement_missing": 5,
}


def test_r11_what_was_withheld_or_changed_is_found(shop: Shop, score: Score):  # noqa: F811
    for _ in range(BUYERS):
        shop.buy(shop.person())
    told = shop.stripe.events()[:1000]
    # The rest is neither told nor withheld on purpose, and found just the same.
    rest = len(shop.stripe.events()) - len(told)
    shop.hear(*(each for number, each in enumerate(told) if number % 10))
    _, found = reconcile()
    score.holds("withheld events recovered, of 100", found["events_recovered"] - rest, exactly=100)
    score.holds("false differences", found["found"], exactly=0)
    complete = Entitlement.objects.filter(revoked_at=None).count()
    score.holds("buyers who have what they paid for", complete, exactly=BUYERS)
    plant(shop)
    _, found = reconcile()
    score.holds("planted differences found, of 37", found["found"], exactly=37)
    score.holds("of them in the right class", right(found["open"]), exactly=37)
    before = state()
    reconcile()
    score.holds(
        "rows that a second run changed", sum(a != b for a, b in changed(before)), exactly=0
    )


def right(found: dict[str, int]) -> int:
    return sum(min(found.get(kind, 0), number) for kind, number in PLANTED.items())


def changed(before: list[list[object]]) -> list[tuple[object, object]]:
    after = state()
    assert [len(rows) for rows in after] == [len(rows) for rows in before]
    return [
        pair for old, new in zip(before, after, strict=True) for pair in zip(old, new, strict=True)
    ]


def plant(shop: Shop) -> None:  # noqa: F811
    """What no event tells: rows of ours that were harmed, and events that had no effect."""
    rows = list(Subscription.objects.order_by("pk")[:27])
    keys = [row.pk for row in rows]
    people = [row.user_id for row in rows]
    Subscription.objects.filter(pk__in=keys[:6]).update(status="unpaid")
    Entitlement.objects.filter(user__in=people[:6]).update(revoked_at="2026-01-01T00:00:00Z")
    Subscription.objects.filter(pk__in=keys[6:12]).update(cancel_at_period_end=True)
    Payment.objects.filter(user__in=people[12:17]).update(status="failed")
    Payment.objects.filter(user__in=people[17:22]).update(amount=1)
    Entitlement.objects.filter(user__in=people[22:27]).delete()
    for _ in range(5):
        shop.buy(shop.person())
    known = set(WebhookEvent.objects.values_list("event_id", flat=True))
    WebhookEvent.objects.bulk_create(
        WebhookEvent(
            provider="stripe",
            event_id=each["id"],
            type=each["type"],
            body=json.dumps(each),
            status="ignored",
        )
        for each in shop.stripe.events()
        if each["id"] not in known
    )
