"""What was never told, and what was changed behind our back."""

from __future__ import annotations

import pytest

from billing import bookkeeping
from billing.models import Entitlement, Payment, Subscription
from billing.reconciliation.models import Difference
from tests.billing.conftest import Shop, shop  # noqa: F401 - a fixture
from tests.billing.reconciliation.planting import put_aside
from tests.billing.reconciliation.test_classes import FOR_PEOPLE, KINDS, MENDED
from tests.billing.reconciliation.test_reconcile import reconcile, state
from tests.scorecard.conftest import Score

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(900)]

BUYERS = 130
# Of each of the kinds that are not among the first seven.
EACH = 3
PLANTED = {
    "subscription_missing": 5,
    "payment_missing": 5,
    "invoice_missing": 5,
    "subscription_status": 5,
    "subscription_terms": 4,
    "payment_status": 4,
    "payment_amount": 4,
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
    # The provider has money that our books lack; the five payments say which.
    sums = Difference.objects.get(kind="balance")
    score.holds("sums that these differences do not explain", sums.cause != "others", exactly=False)
    score.holds("planted differences found, of 37", found["found"] - 1, exactly=37)
    score.holds("of them in the right class", right(found["open"]), exactly=37)
    before = state()
    reconcile()
    score.holds(
        "rows that a second run changed", sum(a != b for a, b in changed(before)), exactly=0
    )


def test_r11_each_kind_of_difference_is_found(shop: Shop, score: Score):  # noqa: F811
    plants = (*MENDED, *FOR_PEOPLE) * EACH
    people = [shop.person() for _ in plants]
    for person in people:
        shop.buy(person)
    shop.hear()
    reconcile()
    score.holds("false differences", Difference.objects.count(), exactly=0)
    planted = {
        (KINDS.get(plant, plant.__name__), plant(shop, person))
        for plant, person in zip(plants, people, strict=True)
    }
    reconcile()
    # What is apart in sum is what these are, and no difference more.
    rows = Difference.objects.open().exclude(kind="balance", cause="others")
    found = set(rows.values_list("kind", "object_id"))
    score.holds(f"planted differences found, of {len(plants)}", len(found), exactly=len(plants))
    score.holds("of them in the right class", len(found & planted), exactly=len(plants))
    before = state()
    reconcile()
    score.holds(
        "rows that a second run changed", sum(a != b for a, b in changed(before)), exactly=0
    )
    _, told = reconcile("--fix")
    score.holds("mended by a rule", told["repaired"], exactly=EACH * len(MENDED))
    wrong = [each["name"] for each in bookkeeping.verify()["checks"] if not each["ok"]]
    score.holds("checks of the books that fail afterwards", len(wrong), exactly=0)


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
    rows = list(Subscription.objects.order_by("pk")[:22])
    keys = [row.pk for row in rows]
    people = [row.user_id for row in rows]
    Subscription.objects.filter(pk__in=keys[:5]).update(status="unpaid")
    Entitlement.objects.filter(user__in=people[:5]).update(revoked_at="2026-01-01T00:00:00Z")
    Subscription.objects.filter(pk__in=keys[5:9]).update(cancel_at_period_end=True)
    Payment.objects.filter(user__in=people[9:13]).update(status="failed")
    Payment.objects.filter(user__in=people[13:17]).update(amount=1)
    Entitlement.objects.filter(user__in=people[17:22]).delete()
    for _ in range(5):
        shop.buy(shop.person())
    put_aside(shop)
