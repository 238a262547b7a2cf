"""Every currency that Stripe charges, there and back: API, Stripe's body, webhook, row, console,
file, socket. The amounts are ones that a wrong number of digits or a float would change."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from billing.catalogue import CatalogRefused, find_catalog, push_catalog, read_catalog
from billing.models import Payment, Plan, Price
from billing.webhooks import inbox
from config.kit.currencies import CURRENCIES, why_not
from config.kit.money import Money, step
from config.kit.redis_client import redis_client
from sessions_live.line import feed_key
from sessions_live.models import User
from sessions_live.rooms import payments_room
from tests.billing.conftest import Shop, unfinished
from tests.stripe_events import deliver

ASKED = {
    currency: 12_345_678_901 if currency == "idr" else 1_234_567 // step(currency) * step(currency)
    for currency in sorted(CURRENCIES)
}


def no_float(text: str) -> Any:
    raise AssertionError(f"a float in JSON: {text}")


def read(body: str | bytes) -> Any:
    return json.loads(body, parse_float=no_float)


@pytest.fixture
def sold(shop: Shop) -> Shop:
    """Something for sale in each currency."""
    for currency, amount in ASKED.items():
        assert not why_not(Money(amount, currency))
        plan = Plan.objects.create(tier=f"in_{currency}", name=currency.upper())
        Price.objects.create(
            plan=plan,
            interval="once",
            amount=amount,
            currency=currency,
            lookup_key=f"all.{currency}",
        )
    Plan.objects.exclude(tier__startswith="in_").update(active=False)
    push_catalog(read_catalog(find_catalog("quantum_falcon")), "stripe")
    return shop


def bought(shop: Shop, buyer: User) -> None:
    api = shop.client(buyer)
    for currency in ASKED:
        answer = api.post("/api/v1/checkout-sessions", {"tier": f"in_{currency}"})
        assert answer.status_code == 201, answer.json()
        shop.stripe.pay(answer.json()["session_id"]).raise_for_status()
    told = [each for each in shop.stripe.events() if each["type"] == "payment_intent.succeeded"]
    assert len(told) == len(ASKED)
    for each in told:
        read(json.dumps(each))
        assert deliver(each).status_code == 200
    inbox.drain()
    assert not unfinished()


def made_at_stripe(shop: Shop) -> dict[str, int]:
    prices = [each["data"]["object"] for each in shop.stripe.events() if "price" in each["type"]]
    ours = [each for each in prices if str(each["lookup_key"]).startswith("all.")]
    return {each["currency"]: each["unit_amount"] for each in ours}


def listed(shop: Shop, buyer: User) -> dict[str, int]:
    found: dict[str, int] = {}
    api, url = shop.client(buyer), "/api/v1/payments?page_size=100"
    while url:
        page = read(api.get(url).content)
        found |= {row["currency"]: row["amount"] for row in page["results"]}
        url = page["next"]
    return found


def in_the_file(shop: Shop, buyer: User) -> dict[str, tuple[str, str]]:
    answer: Any = shop.client(buyer).get("/api/v1/payments/export")
    text = b"".join(answer.streaming_content).decode()
    rows = csv.DictReader(io.StringIO(text))
    return {row["currency"]: (row["amount"], row["amount_decimal"]) for row in rows}


def on_the_socket(buyer: User) -> dict[str, int]:
    frames = [read(fields[b"frame"]) for _, fields in redis_client().xrange(feed_of(buyer))]
    data = [frame["data"] for frame in frames if frame["type"] == "payment:update"]
    return {each["currency"]: each["amount"] for each in data}


def feed_of(buyer: User) -> str:
    return feed_key(payments_room(buyer.pk))


def in_the_console(shop: Shop) -> str:
    admin = Client()
    admin.force_login(shop.person(is_staff=True, is_superuser=True))
    pages = [admin.get(f"/admin/billing/payment/?p={page}").content for page in (1, 2, 3)]
    return b"".join(pages).decode()


def test_every_currency_comes_through_to_the_last_digit(sold: Shop, alice: User):
    assert made_at_stripe(sold) == ASKED
    bought(sold, alice)
    assert dict(Payment.objects.values_list("currency", "amount")) == ASKED
    assert listed(sold, alice) == ASKED
    assert on_the_socket(alice) == ASKED
    written = {name: (str(n), Money(n, name).decimal) for name, n in ASKED.items()}
    assert in_the_file(sold, alice) == written
    console = in_the_console(sold)
    missing = [name for name, n in ASKED.items() if str(Money(n, name)) not in console]
    assert not missing


CATALOG = """
name = "small"
title = "Small"
currency = "{currency}"
[[plans]]
tier = "solo"
name = "Solo"
prices = [{{ interval = "month", amount = {amount} }}]
[[items]]
id = "tip"
name = "Tip"
amount = {item}
"""


@pytest.mark.parametrize(
    ("currency", "amount", "item", "place"),
    [
        ("kwd", 5125, 5000, "solo per month: 5125 KWD"),
        ("kwd", 5120, 5001, "tip: 5001 KWD"),
        ("isk", 550, 500, "solo per month: 550 ISK"),
        ("usd", 49, 100, "solo per month: $0.49"),
        ("usd", 100_000_000, 100, "solo per month: $1,000,000.00"),
        ("xyz", 100, 100, "XYZ is no currency"),
    ],
)
def test_a_catalogue_that_nobody_could_pay_is_refused_and_not_rounded(
    tmp_path: Path, currency: str, amount: int, item: int, place: str
):
    path = tmp_path / "small.toml"
    path.write_text(CATALOG.format(currency=currency, amount=amount, item=item))
    with pytest.raises(CatalogRefused, match="Stripe|multiple") as refused:
        read_catalog(path)
    assert place in str(refused.value)
