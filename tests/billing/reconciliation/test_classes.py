"""Every kind of difference is found in its class, once, and mended where a rule is right for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from billing import bookkeeping
from billing.models import Customer, Invoice, Payment
from billing.reconciliation.models import Difference, Match
from billing.wallet.models import Transfer
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.reconciliation import planting
from tests.billing.reconciliation.test_reconcile import reconcile, sold, state  # noqa: F401

Plant = Callable[[Shop, User], str]
MENDED: tuple[Plant, ...] = (
    planting.customer_missing,
    planting.invoice_missing,
    planting.invoice_status,
    planting.invoice_amounts,
    planting.bought_right_missing,
    planting.booking_missing,
    planting.refund_unbooked,
)
FOR_PEOPLE: tuple[Plant, ...] = (
    planting.customer_double,
    planting.customer_owner,
    planting.customer_orphaned,
    planting.subscription_orphaned,
    planting.invoice_orphaned,
    planting.payment_orphaned,
    planting.bought_right_extra,
    planting.booking_amount,
    planting.booking_orphaned,
    planting.movement_unbooked,
)
# Where it is not called as what plants it.
KINDS: dict[Plant, str] = {planting.refund_unbooked: "booking_missing"}


@pytest.fixture
def many(shop: Shop) -> list[User]:
    """A customer for each difference, whose events all arrived."""
    people = [shop.person() for _ in (*MENDED, *FOR_PEOPLE)]
    for person in people:
        shop.buy(person)
    shop.hear()
    return people


def plant_all(shop: Shop, people: list[User]) -> list[tuple[str, str]]:
    planted = []
    for plant, person in zip((*MENDED, *FOR_PEOPLE), people, strict=True):
        planted.append((KINDS.get(plant, plant.__name__), plant(shop, person)))
    return sorted(planted)


def open_ones() -> list[tuple[str, str]]:
    rows = Difference.objects.open().exclude(kind="balance")
    return sorted(rows.values_list("kind", "object_id"))


def test_each_is_found_once_in_its_class(shop: Shop, many: list[User]):
    planted = plant_all(shop, many)
    reconcile()
    assert open_ones() == planted
    before = state()
    reconcile()
    assert state() == before


def test_rules_mend_some_leave_others_to_people_and_keep_the_books_right(
    shop: Shop, many: list[User]
):
    planted = plant_all(shop, many)
    _, found = reconcile("--fix")
    assert found["repaired"] == len(MENDED)
    assert open_ones() == [each for each in planted if each[0] in named(FOR_PEOPLE)]
    for left in Difference.objects.open():
        assert "somebody has to decide" in left.repair
    assert [each["name"] for each in bookkeeping.verify()["checks"] if not each["ok"]] == []


def named(plants: Iterable[Plant]) -> set[str]:
    return {plant.__name__ for plant in plants}


def test_what_is_repaired_is_as_the_provider_tells_it(shop: Shop, sold: list[User]):  # noqa: F811
    made = planting.customer_missing(shop, sold[0])
    Invoice.objects.filter(user=sold[1]).update(status="open", amount_paid=0)
    reconcile("--fix")
    assert Customer.objects.filter(provider_id=made).exists()
    invoice = Invoice.objects.get(user=sold[1])
    assert (invoice.status, invoice.amount_paid) == ("paid", invoice.total)
    assert reconcile()[1]["open"] == {}


# --- the books ------------------------------------------------------------------------------------
def test_each_line_of_both_books_has_its_other_side(shop: Shop, sold: list[User]):  # noqa: F811
    reconcile()
    lines = {each["id"] for each in shop.stripe.get("balance_transactions", limit=100)["data"]}
    matched = Match.objects.values_list("movement_id", flat=True)
    assert set(matched) == lines
    booked = Transfer.objects.filter(entries__account__name="stripe:clearing")
    assert set(booked.values_list("reference", flat=True)) == set(
        Match.objects.values_list("reference", flat=True)
    )


def test_a_fee_that_was_never_booked_is_found_and_booked(shop: Shop, sold: list[User]):  # noqa: F811
    reconcile()
    orphan = planting.fees_collected_until_tomorrow()
    shop.buy(shop.person(), "lifetime")
    shop.hear()
    _, found = reconcile()
    assert found["open"] == {"booking_orphaned": 1, "fee_missing": 1, "balance": 1}
    assert Difference.objects.get(kind="booking_orphaned").object_id == orphan
    reconcile("--fix")
    assert Difference.objects.get(kind="fee_missing").status == "repaired"
    assert bookkeeping.verify()["ok"]


def test_the_sums_differ_by_what_the_differences_say(shop: Shop, sold: list[User]):  # noqa: F811
    planting.booking_orphaned(shop, sold[0])
    planting.movement_unbooked(shop, sold[1])
    reconcile()
    sums = Difference.objects.get(kind="balance")
    assert sums.apart == -200
    assert (sums.cause, sums.evidence) == ("others", "2 other differences are -$2.00 of it.")


def test_what_is_on_its_way_is_no_difference(shop: Shop, sold: list[User]):  # noqa: F811
    """The charge comes into Stripe's books after its payment is known."""
    shop.stripe.control("settings", async_capture=True).raise_for_status()
    shop.buy(shop.person(), "lifetime")
    shop.hear()
    assert reconcile()[1]["open"] == {}


def test_more_than_a_page_of_each_is_compared(shop: Shop, sold: list[User]):  # noqa: F811
    for _ in range(104):
        planting.ask(shop, "customers")
    planting.customer_orphaned(shop, sold[0])
    planting.payment_orphaned(shop, sold[0])
    assert reconcile()[1]["open"] == {"customer_orphaned": 1, "payment_orphaned": 1}
    assert Payment.objects.count() == 5
