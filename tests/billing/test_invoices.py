"""Invoices and receipts: what they say, whose they are, and that they come out the same."""

from __future__ import annotations

import io
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdf
import pytest
from django.db import connection, transaction
from django.test import Client

from billing import documents, invoicing, pdf, receipts, returns, sweeping
from billing.models import Invoice, NumberSeries, Payment, Purchase
from billing.providers.stripe.invoices import invoice_fact
from config.kit.money import Money
from privacy.erasing import scrub_rows
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished


def invoices_of(shop: Shop, user: User) -> list[dict[str, Any]]:
    answer = shop.client(user).get("/api/v1/invoices")
    assert answer.status_code == 200, answer.json()
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def words(body: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(body))
    return "\n".join(page.extract_text() for page in reader.pages)


def printed(shop: Shop, user: User, invoice: dict[str, Any]) -> str:
    answer = shop.client(user).get(f"/api/v1/invoices/{invoice['id']}/pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    return words(answer.content)


def buy_item(shop: Shop, user: User, item_id: str = "skin_neon", **body: Any) -> None:
    begun = shop.client(user).post("/api/v1/payment-intents", {"item_id": item_id, **body}).json()
    shop.stripe.control(
        f"payment_intents/{begun['id']}/confirm", card="4242424242424242"
    ).raise_for_status()


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


# --- receipts -------------------------------------------------------------------------------------
def test_an_item_that_was_paid_has_a_receipt_at_once(shop: Shop, alice: User):
    buy_item(shop, alice, quantity=2)
    shop.hear()
    (receipt,) = invoices_of(shop, alice)
    year = receipt["paid_at"][:4]
    assert (receipt["kind"], receipt["number"]) == ("receipt", f"R-{year}-000001")
    assert (receipt["total"], receipt["hosted_url"]) == (598, None)
    shown = printed(shop, alice, receipt)
    for expected in ("Receipt", "Neon skin", "$5.98", "Paid on", "Visa •••• 4242"):
        assert expected in shown, shown


def test_the_sweep_writes_the_receipts_that_nobody_asked_for(shop: Shop, alice: User):
    buy_item(shop, alice)
    shop.hear()
    assert not Invoice.objects.exists()
    assert sweeping.sweep()["receipts_written"] == 1
    assert sweeping.sweep()["receipts_written"] == 0
    assert Invoice.objects.get().payment == Payment.objects.get()


def test_a_plan_for_life_has_a_receipt_and_a_subscription_none(shop: Shop, alice: User, bob: User):
    shop.buy(alice, "lifetime")
    shop.buy(bob)
    shop.hear()
    assert [each["kind"] for each in invoices_of(shop, alice)] == ["receipt"]
    assert [each["kind"] for each in invoices_of(shop, bob)] == ["invoice"]


def test_a_receipt_waits_for_what_the_hosted_page_took_off(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    happened = shop.stripe.events()
    late = [each for each in happened if each["type"] == "checkout.session.completed"]
    shop.hear(*[each for each in happened if each not in late])
    assert invoices_of(shop, alice) == []
    shop.hear(*late)
    assert len(invoices_of(shop, alice)) == 1


def test_a_receipt_does_not_wait_for_ever(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    happened = shop.stripe.events()
    shop.hear(*[each for each in happened if each["type"] != "checkout.session.completed"])
    Payment.objects.update(paid_at=datetime.now(UTC) - timedelta(hours=2))
    assert [each["total"] for each in invoices_of(shop, alice)] == [800000]


def test_what_was_not_paid_has_no_receipt(shop: Shop, alice: User):
    begun = shop.client(alice).post("/api/v1/payment-intents", {"item_id": "skin_neon"}).json()
    shop.stripe.control(f"payment_intents/{begun['id']}/confirm", card="4000000000000002")
    shop.hear()
    assert Payment.objects.get().status == "failed"
    assert invoices_of(shop, alice) == []


def paid_once(user: User, number: int, at: datetime) -> Payment:
    from billing.models import Item

    item = Item.objects.get(slug="skin_neon")
    bought = Purchase.objects.create(
        user=user,
        item=item,
        quantity=1,
        unit_amount=299,
        amount=299,
        currency="usd",
        provider="stripe",
        way="intent",
        status="completed",
    )
    return Payment.objects.create(
        user=user,
        purchase=bought,
        provider="stripe",
        provider_id=f"pi_{number}",
        amount=299,
        currency="usd",
        status="succeeded",
        created_at=at,
        paid_at=at,
    )


def test_numbers_have_no_gap_however_many_write_at_once(shop: Shop, alice: User):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(12):
        paid_once(alice, number, at + timedelta(seconds=number))

    def write() -> None:
        receipts.write_missing_of(alice)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"R-2026-{number:06d}" for number in range(1, 13)]
    assert NumberSeries.objects.get().last == 12


def test_each_year_begins_a_series_of_its_own(shop: Shop, alice: User):
    paid_once(alice, 1, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    paid_once(alice, 2, datetime(2027, 1, 1, tzinfo=UTC))
    receipts.write_missing_of(alice)
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        "R-2026-000001",
        "R-2027-000001",
    ]


def test_pages_of_the_list_go_on_from_where_the_last_one_ended(shop: Shop, alice: User):
    for number in range(3):
        paid_once(alice, number, datetime(2026, 3, 1 + number, tzinfo=UTC))
    first = shop.client(alice).get("/api/v1/invoices?page_size=2").json()
    second = shop.client(alice).get(first["next"]).json()
    numbers = [each["number"] for each in first["results"] + second["results"]]
    assert numbers == ["R-2026-000003", "R-2026-000002", "R-2026-000001"]


# --- the document ---------------------------------------------------------------------------------
@pytest.fixture
def document() -> documents.Document:
    return documents.Document(
        title="Invoice",
        number="ABC-0001",
        state="Paid",
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        seller=["Quantum Falcon"],
        buyer=["Alice"],
        facts=[("Number", "ABC-0001")],
        rows=[documents.Row("Pro", 1, Money(1000, "eur"))],
        sums=[documents.Sum("Total", Money(1000, "eur"), strong=True)],
        payments=[],
    )


def with_(document: documents.Document, **fields: Any) -> documents.Document:
    from dataclasses import replace

    return replace(document, **fields)


def test_the_same_document_gives_the_same_bytes(document: documents.Document):
    assert pdf.render(document) == pdf.render(document)


def test_a_long_document_numbers_its_pages_and_repeats_its_titles(document: documents.Document):
    rows = [documents.Row(f"Line {n}", n, Money(n, "eur"), "1 May 2026") for n in range(90)]
    reader = pypdf.PdfReader(io.BytesIO(pdf.render(with_(document, rows=rows))))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Description" in page
    assert "Line 89" in pages[-1]


def test_names_of_many_scripts_are_drawn_and_others_are_said_to_be_missing(
    document: documents.Document,
):
    shown = words(pdf.render(with_(document, buyer=["Žofie Ωμέγα Жанна Nguyễn"])))
    assert "Žofie Ωμέγα Жанна Nguyễn" in shown
    assert "does not have" not in shown
    shown = words(pdf.render(with_(document, buyer=["王小明"])))
    assert "\ufffd" in shown
    assert "does not have" in shown


@pytest.mark.parametrize(
    "name",
    [
        "W" * 5000,
        "long words " * 500,
        "<b>bold</b> **not** __either__ & ]]> (\\) /Type",
        "\x00\x07\r\n\t\u202eevil\u202c",
        "\ud800 lone",
        "🦅 falcon",
        "",
        " ",
    ],
)
def test_hostile_names_are_only_letters(document: documents.Document, name: str):
    hostile = with_(
        document,
        title="Invoice",
        number=name,
        seller=[name],
        buyer=[name, name],
        facts=[("Number", name)],
        rows=[documents.Row(name, 1, Money(1, "eur"))],
    )
    shown = words(pdf.render(hostile))
    assert "Page 1 of" in shown
    assert "\u202e" not in shown
    if name.startswith("<b>"):
        assert "<b>bold</b> **not** __either__" in shown


class Refunded:
    """The app that gives money back, as it will tell of it."""

    def refunds_of(self, payment: Payment) -> list[dict[str, Any]]:
        return [
            {"amount": 100, "status": "succeeded", "created_at": "2026-04-02T10:00:00Z"},
            {"amount": 50, "status": "failed", "created_at": "2026-04-03T10:00:00Z"},
        ]


def test_refunds_are_shown_with_their_dates_and_what_is_left(
    shop: Shop, alice: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(returns, "_teller", Refunded())
    paid_once(alice, 1, datetime(2026, 3, 1, tzinfo=UTC))
    (receipt,) = invoices_of(shop, alice)
    shown = printed(shop, alice, receipt)
    for expected in ("Refunded on 2 April 2026", "-$1.00", "Paid after refunds", "$1.99"):
        assert expected in shown, shown
    assert "3 April" not in shown


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
