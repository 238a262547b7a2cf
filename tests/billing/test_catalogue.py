from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing.catalogue import FOLDER, CatalogRefused, read_catalog, store_catalog
from billing.models import Plan, Price, ProviderPrice
from tests.billing.conftest import Shop
from tests.stand_in import StandIn

SMALL = """
name = "small"
title = "Small"
currency = "{currency}"
[[plans]]
tier = "solo"
name = "Solo"
prices = [{{ interval = "month", amount = {amount} }}]
"""


def written(folder: Path, *, amount: object = 1000, currency: str = "usd") -> Path:
    path = folder / "small.toml"
    path.write_text(SMALL.format(amount=amount, currency=currency))
    return path


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_catalogue_that_comes_with_the_product_is_right(path: Path, db):
    catalog = read_catalog(path)
    assert catalog.name == path.stem
    store_catalog(catalog)
    assert Plan.objects.filter(active=True).count() == len(catalog.plans)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": -5}, "plans[0].prices[0].amount"),
        ({"amount": 9.99}, "plans[0].prices[0].amount"),
        ({"amount": '"free"'}, "plans[0].prices[0].amount"),
        ({"currency": "USD"}, "currency"),
        ({"amount": "10, typo = 1"}, "plans[0].prices[0].typo"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path, change, words: str):
    with pytest.raises(CatalogRefused) as refused:
        read_catalog(written(tmp_path, **change))
    assert words in str(refused.value)


def test_a_catalogue_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(CommandError, match="pain_tracker"):
        call_command("sync_catalog", "nonsense")


def test_pushing_twice_makes_everything_once(transactional_db, sandbox: StandIn, tmp_path: Path):
    for _ in range(2):
        call_command("sync_catalog", str(written(tmp_path)), "--push")
    assert len(sandbox.get("prices")["data"]) == 1
    assert ProviderPrice.objects.get().provider_id == sandbox.get("prices")["data"][0]["id"]


def test_a_new_amount_is_a_new_price_and_the_old_one_stays_for_who_has_it(
    transactional_db, sandbox: StandIn, tmp_path: Path
):
    call_command("sync_catalog", str(written(tmp_path, amount=1000)), "--push")
    call_command("sync_catalog", str(written(tmp_path, amount=1200)), "--push")
    assert Price.objects.get(active=True).amount == 1200
    at_stripe = {p["unit_amount"]: p["active"] for p in sandbox.get("prices")["data"]}
    assert at_stripe == {1000: False, 1200: True}
    call_command("sync_catalog", str(written(tmp_path, amount=1000)), "--push")
    assert [p["unit_amount"] for p in sandbox.get("prices", active="true")["data"]] == [1000]


def test_a_price_changed_at_the_provider_is_not_sold_until_it_is_repaired(shop: Shop):
    shop.hear()
    alice = shop.person()
    price = ProviderPrice.objects.get(price__plan__tier="pro")
    shop.stripe.stripe.post(f"/v1/prices/{price.provider_id}", data={"active": "false"})
    shop.hear()
    price.refresh_from_db()
    assert price.in_step is False
    answer = shop.client(alice).post("/api/v1/checkout-sessions", {"tier": "pro"})
    assert answer.json()["errors"][0]["code"] == "not_for_sale"
    call_command("sync_catalog", "quantum_falcon", "--push")
    assert shop.checkout(alice, "pro")
