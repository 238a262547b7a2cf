"""What the lists of the console read of their tables: no more when they are large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.mails.models import Mail
from billing.models import Entitlement, Invoice, Item, Order, Plan, Price, Purchase
from billing.reconciliation.models import Difference, Run
from billing.usage.models import UsageEvent
from sessions_live.models import User
from tests.billing.staff import staff
from tests.plans import multiply, reading

pytestmark = pytest.mark.django_db(transaction=True)

MANY, HERS = 20_000, 4_000
MOST_ASKED = 12
LONG_AGO = f"now() - ({MANY} - n) * interval '1 minute'"
IN_ORDER = "lpad(to_hex(n), 32, '0')"


def oldest(one: Any, rest: Any) -> str:
    return f"CASE WHEN n <= {HERS} THEN {one} ELSE {rest} END"


class Past:
    """The oldest of each table are all Alice's, who so has many, and of a rare kind."""

    def __init__(self) -> None:
        self.alice = User.objects.create_user("alice@example.com")
        self.another = User.objects.create_user("bob@example.com")
        self.users = oldest(self.alice.pk, self.another.pk)
        self.plan = Plan.objects.create(tier="pro", name="Pro")

    def mails(self) -> str:
        row = Mail.objects.create(user=self.another, key="now", template="receipt")
        kinds = {
            "status": oldest("'failed'", "'sent'"),
            "template": oldest("'welcome'", "'receipt'"),
        }
        multiply(row, MANY, id=IN_ORDER, user_id=self.users, key="'past' || n", **kinds)
        return "mails/mail"

    def orders(self) -> str:
        money = {"amount": 9700, "currency": "usd"}
        price = Price.objects.create(plan=self.plan, interval="month", active=True, **money)
        row = Order.objects.create(user=self.another, price=price, provider="stripe", **money)
        status = oldest("'expired'", "'completed'")
        past = {"provider_id": "'past' || n", "status": status}
        multiply(row, MANY, id=IN_ORDER, user_id=self.users, **past)
        return "billing/order"

    def purchases(self) -> str:
        money = {"amount": 100, "currency": "usd"}
        item = Item.objects.create(slug="tip", name="Tip", **money)
        row = Purchase.objects.create(
            **{"user": self.another, "provider": "stripe", **money},
            item=item,
            quantity=1,
            unit_amount=100,
            way="intent",
        )
        status = oldest("'canceled'", "'completed'")
        past = {"provider_id": "'past' || n", "status": status, "created_at": LONG_AGO}
        multiply(row, MANY, id="gen_random_uuid()", user_id=self.users, **past)
        return "billing/purchase"

    def invoices(self) -> str:
        sums = ("subtotal", "total", "amount_due", "amount_paid", "amount_remaining")
        row = Invoice.objects.create(
            **{"user": self.another, "provider": "stripe", "currency": "usd"},
            **dict.fromkeys(sums, 0),
            kind="invoice",
            provider_id="in_now",
            status="paid",
            fact_at=timezone.now(),
        )
        status = oldest("'void'", "'paid'")
        past = {"provider_id": "'past' || n", "status": status, "created_at": LONG_AGO}
        multiply(row, MANY, id="gen_random_uuid()", user_id=self.users, **past)
        return "billing/invoice"

    def differences(self) -> str:
        now = timezone.now()
        run = Run.objects.create(provider="stripe", started_at=now)
        row = Difference.objects.create(
            **{"run": run, "provider": "stripe", "object_id": "now", "found_at": now},
            kind="payment_status",
            status="repaired",
        )
        kinds = {
            "kind": oldest("'subscription_status'", "'payment_status'"),
            "status": oldest("'gone'", "'repaired'"),
        }
        multiply(row, MANY, id=f"{row.pk} + n", object_id="'past' || n", **kinds)
        return "reconciliation/difference"

    def usage_events(self) -> str:
        times = dict.fromkeys(("at", "received_at", "period_start", "period_end"), timezone.now())
        row = UsageEvent.objects.create(
            user=self.another, usage_type="calls", amount=1, used=1, **times
        )
        id_ = f"{row.pk} + n"
        multiply(row, MANY, id=id_, user_id=self.users, event_id="'past' || n")
        return "usage/usageevent"

    def entitlements(self) -> str:
        row = Entitlement.objects.create(
            user=self.another, plan=self.plan, source="now", granted_at=timezone.now()
        )
        id_ = f"{row.pk} + n"
        multiply(row, MANY, id=id_, user_id=self.users, source="'past' || n")
        return "billing/entitlement"


FILLED = [
    *(Past.mails, Past.orders, Past.purchases, Past.invoices),
    *(Past.usage_events, Past.entitlements),
]


@pytest.mark.parametrize("fill", FILLED, ids=lambda fill: fill.__name__)
def test_a_search_for_a_person_reads_no_row_of_another(fill: Callable[[Past], str]):
    page = f"/admin/{fill(Past())}/"
    console = staff(is_superuser=True)
    with reading() as reads:
        answer = console.get(page, {"q": "Alice@example.com"})
    listed = answer.context["cl"]
    assert (listed.result_count, len(listed.result_list)) == (HERS, listed.list_per_page)
    # Once to count hers, and once more at most for the page.
    assert reads.of(listed.model._meta.db_table) <= 2 * HERS


@pytest.mark.parametrize(
    ("fill", "column", "value"),
    [
        (Past.mails, "status__exact", "failed"),
        (Past.mails, "template", "welcome"),
        (Past.orders, "status__exact", "expired"),
        (Past.purchases, "status__exact", "canceled"),
        (Past.invoices, "status__exact", "void"),
        (Past.differences, "status__exact", "gone"),
        (Past.differences, "kind", "subscription_status"),
    ],
)
def test_a_filter_reads_no_row_that_it_leaves_out(
    fill: Callable[[Past], str], column: str, value: str
):
    page = f"/admin/{fill(Past())}/"
    console = staff(is_superuser=True)
    with reading() as reads:
        answer = console.get(page, {column: value})
    listed = answer.context["cl"]
    assert (listed.result_count, len(listed.result_list)) == (HERS, listed.list_per_page)
    assert reads.of(listed.model._meta.db_table) <= HERS + listed.list_per_page


@pytest.mark.parametrize("fill", [*FILLED, Past.differences], ids=lambda fill: fill.__name__)
def test_a_list_asks_nothing_of_each_row_that_it_shows(fill: Callable[[Past], str]):
    page = f"/admin/{fill(Past())}/"
    console = staff(is_superuser=True)
    with CaptureQueriesContext(connection) as asked:
        listed = console.get(page).context["cl"]
    assert len(listed.result_list) == listed.list_per_page
    assert len(asked) <= MOST_ASKED


@pytest.mark.parametrize("term", ["Alice@exam", "alice@example.com", "alice liddell"])
def test_a_search_for_people_reads_no_others(term: str):
    console = staff(is_superuser=True)
    alice = User.objects.create_user("alice@example.com", name="Alice Liddell")
    id_ = f"{alice.pk} + n"
    multiply(alice, MANY, id=id_, email="'past' || n || '@example.com'", name="'Bob ' || n")
    with reading() as reads:
        answer = console.get("/admin/sessions_live/user/", {"q": term})
    assert list(answer.context["cl"].result_list) == [alice]
    # Found, then shown, for the count and for the page; and the one who asks.
    assert reads.of("sessions_live_user") <= 6
