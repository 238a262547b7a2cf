from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Payment
from billing.payment_export import AT_ONCE
from config.kit.sheets import harmless
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.payments import make_payment, make_payments, write_past

EXPORT = "/api/v1/payments/export"


def exported(shop: Shop, user: User, format: str, **query: Any) -> str:
    answer: Any = shop.client(user).get(EXPORT, {"format": format, **query})
    assert answer.status_code == 200, answer.json()
    return b"".join(answer.streaming_content).decode()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_both_formats_say_the_same(shop: Shop, alice: User, bob: User):
    make_payment(alice, amount=500, currency="jpy", description="Für „Ümläute“ 🎉, and commas")
    make_payment(alice, amount=5120, currency="kwd", failure_message='He said "no"\nTwice')
    make_payment(bob)
    as_json = json.loads(exported(shop, alice, "json"))
    as_csv = rows_of(exported(shop, alice, "csv"))
    assert [{**row, "amount": int(row["amount"]), "paid_at": None} for row in as_csv] == as_json
    money = [(row["amount"], row["amount_decimal"], row["currency"]) for row in as_csv]
    assert money == [("5120", "5.120", "kwd"), ("500", "500", "jpy")]


@pytest.mark.parametrize("format", ["csv", "json"])
def test_moments_are_written_in_utc_to_the_microsecond(shop: Shop, alice: User, format: str):
    whole, exact = (
        datetime(2026, 5, 1, 12, tzinfo=UTC),
        datetime(987, 5, 1, 0, 0, 0, 70, tzinfo=UTC),
    )
    make_payment(alice, created_at=exact, paid_at=whole)
    text = exported(shop, alice, format)
    row = json.loads(text)[0] if format == "json" else rows_of(text)[0]
    moments = (row["created_at"], row["paid_at"])
    assert moments == ("0987-05-01T00:00:00.000070Z", "2026-05-01T12:00:00Z")


def test_an_export_is_a_file_with_a_name(shop: Shop, alice: User):
    answer = shop.client(alice).get(EXPORT)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="payments-2')
    assert answer["Content-Disposition"].endswith('.csv"')
    as_json = shop.client(alice).get(EXPORT, {"format": "json"})
    assert as_json["Content-Type"] == "application/json"


def test_nothing_is_a_table_without_rows(shop: Shop, alice: User):
    assert rows_of(exported(shop, alice, "csv")) == json.loads(exported(shop, alice, "json")) == []


def test_the_filters_of_the_list_hold_for_the_export(shop: Shop, alice: User):
    make_payments(alice, 3, status="failed")
    kept = make_payment(alice, amount=7)
    text = exported(shop, alice, "csv", status="succeeded", max_amount=10)
    assert [row["id"] for row in rows_of(text)] == [str(kept.pk)]


@pytest.mark.parametrize(
    ("query", "name"),
    [("format=xls", "format"), ("colour=red", "colour"), ("page_size=3", "page_size")],
)
def test_a_wrong_export_is_refused_before_a_byte_is_sent(
    shop: Shop, alice: User, query: str, name: str
):
    answer = shop.client(alice).get(f"{EXPORT}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, name)


def test_signed_out_people_export_nothing(shop: Shop, client):
    assert client.get(EXPORT).status_code == 401
    assert client.get("/payments/export").status_code == 302


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_long_export_has_every_row_once_in_statements_that_stay_short(
    shop: Shop, alice: User, format: str
):
    write_past(alice, 2 * AT_ONCE + 100)
    with CaptureQueriesContext(connection) as asked:
        text = exported(shop, alice, format)
    assert len([each for each in asked if "billing_payment" in each["sql"]]) == 3
    rows: list[Any] = json.loads(text) if format == "json" else rows_of(text)
    assert [row["id"] for row in rows] == [
        str(pk)
        for pk in Payment.objects.order_by("-created_at", "-id").values_list("pk", flat=True)
    ]


def test_an_export_holds_no_connection_while_its_reader_reads(shop: Shop, alice: User):
    make_payments(alice, 3)
    answer: Any = shop.client(alice).get(EXPORT)
    body = iter(answer.streaming_content)
    with CaptureQueriesContext(connection) as asked:
        head, rows = next(body), next(body)
    assert head.startswith(b"id,created_at,")
    assert rows.count(b"\r\n") == 3
    assert len(asked) == 1
    assert connection.connection is None
    answer.close()


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＋1", "－1", "＠A1",
        " =1", "a;=cmd|' /C calc'!A0", 'a,"=1"', "a\n=1",
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(text: str):
    """Neither for the program that splits at commas nor for one that splits elsewhere."""
    safe = harmless(text)
    for sign in (None, ";", ",", "|", "\n", "\t"):
        for cell in safe.split(sign) if sign else [safe]:
            assert not cell.lstrip(' "\t\r\n\0').startswith(tuple("=+-@＝＋－＠")), safe
    assert safe[0] not in "\t\r\n\0"


@pytest.mark.parametrize(
    "text", ["", "Pro plan", "in_1-2", "a = b", "me@example.com", "5 - 3", "naïve"]
)
def test_plain_text_stays_as_it_is(text: str):
    assert harmless(text) == text


def test_a_hostile_description_reaches_the_sheet_as_text(shop: Shop, alice: User):
    make_payment(alice, description='=HYPERLINK("http://x","y")', method="@evil")
    row = rows_of(exported(shop, alice, "csv"))[0]
    assert (row["description"][:2], row["method"]) == ("'=", "'@evil")
    assert json.loads(exported(shop, alice, "json"))[0]["method"] == "@evil"
