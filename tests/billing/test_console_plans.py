"""What the lists of the console read of their tables: no more when they are large."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from billing.models import Entitlement, Order, Plan, Price
from billing.usage.models import UsageEvent
from sessions_live.models import User
from tests.billing.staff import staff
from tests.plans import multiply, reading

pytestmark = pytest.mark.django_db(transaction=True)

MANY, HERS = 20_000, 4_000
IN_ORDER = "lpad(to_hex(n), 32, '0')"


class Past:
    """The oldest of each table are all Alice's, who so has many, and the rest another's."""

    def __init__(self) -> None:
        self.alice = User.objects.create_user("alice@example.com")
        self.another = User.objects.create_user("bob@example.com")
        self.users = f"CASE WHEN n <= {HERS} THEN {self.alice.pk} ELSE {self.another.pk} END"
        self.plan = Plan.objects.create(tier="pro", name="Pro")

    def orders(self) -> str:
        money = {"amount": 9700, "currency": "usd"}
        price = Price.objects.create(plan=self.plan, interval="month", active=True, **money)
        row = Order.objects.create(user=self.another, price=price, provider="stripe", **money)
        multiply(row, MANY, id=IN_ORDER, user_id=self.users, provider_id="'past' || n")
        return "billing/order"

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


FILLED = [Past.orders, Past.usage_events, Past.entitlements]


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
