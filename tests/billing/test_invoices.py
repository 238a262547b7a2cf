"""Invoices: what they say, whose they are, and that they come out the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from billing import documents, invoicing, pdf, sweeping
from billing.models import Invoice, Payment
from billing.providers.stripe.invoices import invoice_fact
from privacy.erasing import scrub_rows
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.billing.invoices import buy_item, invoices_of, paid_once, printed, words


# --- the provider's invoices ----------------------------------------------------------------------
def test_a_subscriptions_invoice_is_listed_and_printed(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    (invoice,) = invoices_of(shop, alice)
    assert (invoice["kind"], invoice["status"], invoice["total"]) == ("invoice", "paid", 9700)
    assert (invoice["amount_paid"], invoice["amount_remaining"]) == (9700, 0)
    assert invoice["hosted_url"].startswith("http")
    shown = printed(shop, alice, invoice)
    for expected in (
        "Invoice",
        invoice["number"],
        "Quantum Falcon",
        "alice@example.com",
        "$97.00",
        "Visa •••• 4242",
        "Page 1 of 1",
    ):
        assert expected in shown, shown


def test_a_failed_renewal_is_an_open_invoice_and_then_a_paid_one(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    customer = alice.customers.get()
    shop.stripe.control(f"customers/{customer.provider_id}/card", card="4000000000000341")
    shop.stripe.control("clock", advance_seconds=32 * 86400)
    shop.hear()
    newest = invoices_of(shop, alice)[0]
    assert (newest["status"], newest["amount_remaining"]) == ("open", 9700), unfinished()
    assert "Still to be paid" in printed(shop, alice, newest)
    row = Invoice.objects.get(pk=newest["id"])
    assert row.next_attempt_at is not None
    shop.stripe.control(f"customers/{customer.provider_id}/card", card="4242424242424242")
    shop.stripe.stripe.post(f"/v1/invoices/{row.provider_id}/pay").raise_for_status()
    shop.hear()
    assert invoices_of(shop, alice)[0]["status"] == "paid"


def test_a_voided_invoice_says_that_nothing_is_owed(shop: Shop, alice: User):
    shop.buy(alice)
    customer = alice.customers.get().provider_id
    shop.stripe.stripe.post(
        "/v1/invoiceitems",
        data={"customer": customer, "amount": 500, "currency": "usd", "description": "Extra work"},
    ).raise_for_status()
    made = shop.stripe.stripe.post(
        "/v1/invoices", data={"customer": customer, "pending_invoice_items_behavior": "include"}
    ).json()
    shop.stripe.stripe.post(f"/v1/invoices/{made['id']}/finalize").raise_for_status()
    shop.stripe.stripe.post(f"/v1/invoices/{made['id']}/void").raise_for_status()
    shop.hear()
    void = next(each for each in invoices_of(shop, alice) if each["total"] == 500)
    assert void["status"] == "void", unfinished()
    shown = printed(shop, alice, void)
    assert "nothing is owed" in shown
    assert "Extra work" in shown


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_the_events_gives_the_same_invoices(shop: Shop, alice: User, seed: int):
    shop.buy(alice)
    customer = alice.customers.get().provider_id
    shop.stripe.control(f"customers/{customer}/card", card="4000000000000341")
    shop.stripe.control("clock", advance_seconds=40 * 86400)
    happened = shop.stripe.events()
    shop.hear(*happened)
    columns = ("provider_id", "status", "total", "amount_paid", "attempt_count", "number")
    straight = sorted(Invoice.objects.values_list(*columns))
    Invoice.objects.all().delete()
    shuffled = happened * 2
    random.Random(seed).shuffle(shuffled)
    for each in shuffled:
        if each["type"].startswith("invoice."):
            shop.hear({**each, "id": f"{each['id']}{random.random()}"})  # noqa: S311
    assert sorted(Invoice.objects.values_list(*columns)) == straight, unfinished()
    assert len(straight) == 2


def test_a_strangers_invoice_looks_like_none(shop: Shop, alice: User, bob: User):
    shop.buy(alice)
    shop.hear()
    (invoice,) = invoices_of(shop, alice)
    assert invoices_of(shop, bob) == []
    foreign = shop.client(bob).get(f"/api/v1/invoices/{invoice['id']}/pdf")
    unknown = shop.client(bob).get("/api/v1/invoices/00000000-0000-0000-0000-000000000000/pdf")
    assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    stranger = Client()
    stranger.force_login(bob)
    assert stranger.get(f"/invoices/{invoice['id']}/pdf").status_code == 404
    assert Client().get(f"/invoices/{invoice['id']}/pdf").status_code == 302


def stripes_invoice(**fields: Any) -> dict[str, Any]:
    """What an event tells, in API 2026-05-27.dahlia: a discount, and tax on top."""
    return {
        "id": "in_1",
        "customer": "cus_1",
        "customer_address": {
            "line1": "1 Rue Neuve",
            "line2": None,
            "postal_code": "75001",
            "city": "Paris",
            "state": None,
            "country": "FR",
        },
        "customer_email": "alice@example.com",
        "customer_name": "Alice",
        "customer_tax_ids": [{"type": "eu_vat", "value": "DE123456789"}],
        "number": "ABC-0001",
        "status": "paid",
        "currency": "jpy",
        "subtotal": 1000,
        "total_discount_amounts": [{"amount": 100, "discount": "di_1"}],
        "total_taxes": [
            {"amount": 90, "tax_behavior": "exclusive"},
            {"amount": 7, "tax_behavior": "inclusive"},
        ],
        "total": 990,
        "amount_due": 990,
        "amount_paid": 990,
        "amount_remaining": 0,
        "attempt_count": 1,
        "created": 1_790_000_000,
        "period_start": 1_790_000_000,
        "period_end": 1_790_000_000,
        "parent": None,
        "status_transitions": {"finalized_at": 1_790_000_000, "paid_at": None, "voided_at": None},
        "lines": {"data": [line(600), line(300)], "has_more": True},
        **fields,
    }


def line(amount: int, description: str = "Pro", quantity: int = 1) -> dict[str, Any]:
    return {
        "amount": amount,
        "description": description,
        "quantity": quantity,
        "period": {"start": 1_790_000_000, "end": 1_792_592_000},
    }


def row_of(user: User, **fields: Any) -> Invoice:
    told = invoice_fact(stripes_invoice(**fields), datetime(2026, 9, 21, tzinfo=UTC))
    row = invoicing.as_told(told)
    row.user = user
    row.save()
    return row


@pytest.mark.parametrize(
    ("currency", "shown"),
    [
        ("jpy", ["¥600", "¥1,000", "-¥100", "¥90", "¥990"]),
        ("kwd", ["KWD 0.600", "KWD 1.000", "-KWD 0.100", "KWD 0.090", "KWD 0.990"]),
        ("eur", ["€6.00", "€10.00", "-€1.00", "€0.90", "€9.90"]),
    ],
)
def test_discount_and_tax_are_exact_in_every_currency(
    shop: Shop, alice: User, currency: str, shown: list[str]
):
    body = words(pdf.render(documents.document_of(row_of(alice, currency=currency))))
    for amount in shown:
        assert amount in body, body
    for words_of_the_buyer in ("Alice", "1 Rue Neuve", "75001 Paris", "FR", "Tax ID DE123456789"):
        assert words_of_the_buyer in body


def test_what_an_event_leaves_out_is_one_line_so_that_the_sum_is_right(shop: Shop, alice: User):
    row = row_of(alice)
    assert [each["amount"] for each in row.lines] == [600, 300, 100]
    assert "Further lines" in words(pdf.render(documents.document_of(row)))


def test_the_sweep_learns_which_card_paid(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    assert Payment.objects.get().method == ""
    assert sweeping.sweep()["methods_learned"] == 1
    assert Payment.objects.get().method == "Visa •••• 4242"
    assert sweeping.sweep()["methods_learned"] == 0


def test_an_invoice_is_printed_while_the_provider_is_down(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    shop.stripe.control("faults", match="GET /v1/payment_intents", mode="status", status=500)
    assert "$97.00" in printed(shop, alice, invoices_of(shop, alice)[0])


def test_who_leaves_stays_on_their_invoices_but_cannot_be_reached(shop: Shop, alice: User):
    row = row_of(alice)
    with transaction.atomic():
        scrub_rows(alice)
    row.refresh_from_db()
    assert (row.bill_to["name"], row.bill_to["email"]) == ("Alice", "")
    assert "alice@example.com" not in words(pdf.render(documents.document_of(row)))


def test_pages_of_the_list_go_on_from_where_the_last_one_ended(shop: Shop, alice: User):
    for number in range(3):
        paid_once(alice, number, datetime(2026, 3, 1 + number, tzinfo=UTC))
    first = shop.client(alice).get("/api/v1/invoices?page_size=2").json()
    second = shop.client(alice).get(first["next"]).json()
    numbers = [each["number"] for each in first["results"] + second["results"]]
    assert numbers == ["R-2026-000003", "R-2026-000002", "R-2026-000001"]


# --- pages and console ----------------------------------------------------------------------------
def test_the_page_lists_them_and_leads_to_each(shop: Shop, alice: User):
    buy_item(shop, alice)
    shop.hear()
    browser = Client()
    browser.force_login(alice)
    page = browser.get("/invoices").content.decode()
    receipt = Invoice.objects.get()
    assert receipt.number in page
    answer = browser.get(f"/invoices/{receipt.pk}/pdf")
    assert answer["Content-Disposition"] == f'inline; filename="receipt-{receipt.number}.pdf"'
    assert "/invoices" in browser.get("/").content.decode()
    payment = browser.get(f"/payments/{receipt.payment_id}").content.decode()
    assert f"/invoices/{receipt.pk}/pdf" in payment


def test_staff_find_an_invoice_by_its_number(shop: Shop, alice: User):
    buy_item(shop, alice)
    shop.hear()
    sweeping.sweep()
    receipt = Invoice.objects.get()
    admin = Client()
    admin.force_login(shop.person(is_staff=True, is_superuser=True))
    found = admin.get("/admin/billing/invoice/", {"q": receipt.number}).content.decode()
    assert "alice@example.com" in found
    detail = admin.get(f"/admin/billing/invoice/{receipt.pk}/change/").content.decode()
    assert "1 × Neon skin: $2.99" in detail
    assert (
        "alice@example.com"
        not in admin.get("/admin/billing/invoice/", {"q": "R-2026-999999"}).content.decode()
    )
