"""What a page of one's own reads: no more than it shows, whosever the rest of the table is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Conversation, Invoice, Item, Order, Price, Purchase
from billing.wallet.models import Account, Entry, Escrow, Transfer
from billing.wallet.payout_models import Payout
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.staff import staff
from tests.plans import filled, multiply, reading

MANY = 48_000
PAGE = 26
LONG_AGO = "now() - (48000 - n) * interval '1 minute'"
PLACES = {"created_at": LONG_AGO, "id": "gen_random_uuid()", "provider_id": "'long_ago_' || n"}


def spread(one: Any, another: Any, rest: Any) -> str:
    """Twenty of the oldest are another's. Half of those after them are of one, who seems to have
    some everywhere; but none of the newest twenty thousand is."""
    words = "CASE WHEN n <= 20 THEN {} WHEN n < 28000 AND n % 2 = 0 THEN {} ELSE {} END"
    return words.format(another, one, rest)


class Past:
    """Each list's table with a long past of all three."""

    def __init__(self, alice: User, bob: User, carol: User) -> None:
        self.people = {"alice": alice, "bob": bob, "carol": carol}
        self.carol, self.users = carol, spread(alice.pk, bob.pk, carol.pk)
        self.shared = {"user": carol, "provider": "stripe", "currency": "usd", "amount": 100}

    def invoices(self) -> None:
        sums = dict.fromkeys(
            ("subtotal", "total", "amount_due", "amount_paid", "amount_remaining"), 0
        )
        row = Invoice.objects.create(
            **{"user": self.carol, "provider": "stripe", "currency": "usd", **sums},
            kind="invoice",
            provider_id="in_now",
            number="N",
            status="paid",
            fact_at=timezone.now(),
        )
        number = "CASE WHEN n % 3 = 0 THEN '' ELSE 'N' || n END"
        multiply(row, MANY, **PLACES, user_id=self.users, number=number)

    def conversations(self) -> None:
        row = Conversation.objects.create(user=self.carol, title="On tides")
        multiply(row, MANY, id=f"{row.pk} + n", user_id=self.users)

    def orders(self) -> None:
        price = Price.objects.earliest("pk")
        row = Order.objects.create(**self.shared, price=price, success_url="/", cancel_url="/")
        multiply(row, MANY, **PLACES, user_id=self.users)

    def purchases(self) -> None:
        item = Item.objects.earliest("pk")
        row = Purchase.objects.create(
            **self.shared, item=item, quantity=1, unit_amount=100, way="intent"
        )
        status = "CASE WHEN n > 20 AND n % 5 = 0 THEN 'completed' ELSE 'canceled' END"
        multiply(row, MANY, **PLACES, user_id=self.users, status=status)

    def payouts(self) -> None:
        row = Payout.objects.create(**self.shared, status="paid")
        multiply(row, MANY, **PLACES, user_id=self.users)

    def escrows(self) -> None:
        dave = User.objects.create_user("dave@example.com")
        row = Escrow.objects.create(
            **{name: told for name, told in self.shared.items() if name != "user"},
            payer=self.carol,
            payee=dave,
            fee_bps=0,
            held_at=timezone.now(),
            released=100,
        )
        sides = {
            "payer_id": f"CASE WHEN n % 3 = 0 THEN {self.users} ELSE {dave.pk} END",
            "payee_id": f"CASE WHEN n % 3 = 0 THEN {dave.pk} ELSE {self.users} END",
        }
        multiply(row, MANY, id="gen_random_uuid()", created_at=LONG_AGO, **sides)

    def entries(self) -> None:
        """Alice's in two currencies."""
        names = [("alice", "usd"), ("alice", "eur"), ("bob", "usd"), ("carol", "usd")]
        ids = [self.account(name, currency) for name, currency in names]
        hers = f"CASE WHEN n % 4 = 0 THEN {ids[0]} ELSE {ids[1]} END"
        # Their triggers would look for each other.
        with filled("wallet_transfer", "wallet_entry"):
            first = Transfer.objects.create(reference="now", kind="payment", size=2)
            row = Entry.objects.create(
                pk=1, transfer=first, line=1, account_id=ids[3], amount=1, balance=1
            )
        transfer_id = f"{first.pk} + n"
        multiply(first, MANY, id=transfer_id, reference="'long_ago_' || n")
        account_id = spread(hers, ids[2], ids[3])
        multiply(row, MANY, id="1 + n", transfer_id=transfer_id, account_id=account_id)

    def account(self, name: str, currency: str) -> int:
        user = self.people[name]
        return Account.objects.create(
            name=f"wallet:{user.pk}", currency=currency, is_shared=False
        ).pk


DOORS: dict[Callable[[Past], None], list[str]] = {
    Past.invoices: ["/api/v1/invoices", "/invoices"],
    Past.conversations: ["/api/v1/conversations"],
    Past.orders: ["/api/v1/orders?page_size=25"],
    Past.purchases: ["/api/v1/purchases"],
    Past.payouts: ["/api/v1/payouts", "/wallet"],
    Past.escrows: ["/api/v1/escrow-payments", "/escrow", "/escrow?side=earning", "/wallet"],
    Past.entries: ["/api/v1/wallet/transactions", "/api/v1/wallet", "/wallet"],
}


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("fill", DOORS, ids=lambda fill: fill.__name__)
def test_a_page_of_ones_own_reads_nothing_of_others(
    shop: Shop, alice: User, bob: User, fill: Callable[[Past], None]
):
    shop.open("tarkovboost")
    fill(Past(alice, bob, shop.person("carol@example.com")))
    for path in DOORS[fill]:
        for who in (alice, bob):
            client = shop.client(who) if path.startswith("/api") else browser(who)
            with reading() as reads:
                assert client.get(path).status_code == 200
            assert reads.most <= 2 * PAGE, (path, who.email, reads.rows)


@pytest.mark.parametrize("query", ["", "?status=ignored", "?status=failed", "?status=received"])
def test_the_inbox_of_one_status_reads_no_others(shop: Shop, query: str):
    row = WebhookEvent.objects.create(provider="stripe", event_id="evt_now", type="x", body="{}")
    status = spread("'ignored'", "'failed'", "'processed'")
    multiply(row, MANY, id=f"{row.pk} + n", event_id="'evt_' || n", status=status)
    with reading() as reads:
        assert staff(is_superuser=True).get(f"/api/v1/admin/webhook-events{query}").json()
    assert reads.of("webhooks_webhookevent") <= PAGE


@pytest.mark.parametrize(
    ("fill", "path"),
    [(Past.entries, "/api/v1/wallet/transactions"), (Past.escrows, "/api/v1/escrow-payments")],
)
def test_lists_that_are_shown_as_one_are_turned_both_ways(
    shop: Shop, alice: User, bob: User, fill: Callable[[Past], None], path: str
):
    fill(Past(alice, bob, shop.person("carol@example.com")))
    api = shop.client(alice)
    first = api.get(f"{path}?page_size=7").json()
    second = api.get(first["next"]).json()
    both = api.get(f"{path}?page_size=14").json()["results"]
    assert first["results"] + second["results"] == both
    assert both == sorted(both, key=lambda each: each["created_at"], reverse=True)
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_a_cursor_of_another_list_is_refused(shop: Shop, alice: User):
    api = shop.client(alice)
    for number in range(2):
        api.post("/api/v1/conversations", {"title": f"On tide {number}"})
    turned = api.get("/api/v1/conversations?page_size=1").json()["next"]
    answer = api.get(turned.replace("conversations", "payments"))
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "cursor")
