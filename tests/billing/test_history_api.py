from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import sweeping
from billing.mails import outbox
from billing.mails.models import Mail
from billing.models import Invoice, Payment
from config.kit.keyset import MOST_LOOKED_AT
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.deals import Deal
from tests.billing.payments import make_payment, make_payments, write_past
from tests.stripe_events import event, payment_intent

PAYMENTS = "/api/v1/payments"
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def listed(shop: Shop, who: User, path: str = PAYMENTS, /, **query: Any) -> list[str]:
    answer = shop.client(who).get(path, query)
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


@pytest.fixture
def three(alice: User) -> list[str]:
    """One of each kind, the newest first."""
    kinds: list[dict[str, Any]] = [
        {"status": "failed", "amount": 500, "tier": "pro", "description": "Signal pack"},
        {"status": "succeeded", "amount": 9700, "tier": "pro", "invoice_id": "in_march"},
        {"status": "refunded", "amount": 100, "currency": "jpy", "provider_id": "pi_special"},
    ]
    return [
        str(make_payment(alice, created_at=MAY - timedelta(days=days), **fields).pk)
        for days, fields in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [0, 1, 2]),
        ({"status": "failed"}, [0]),
        ({"status": "failed,refunded"}, [0, 2]),
        ({"provider": "stripe"}, [0, 1, 2]),
        ({"tier": "pro"}, [0, 1]),
        ({"tier": "elite"}, []),
        ({"min_amount": 500}, [0, 1]),
        ({"max_amount": 500}, [0, 2]),
        ({"min_amount": 101, "max_amount": 9699}, [0]),
        ({"created_after": "2026-04-30T00:00:00Z"}, [0, 1]),
        ({"created_before": "2026-05-01T00:00:00Z"}, [1, 2]),
        ({"created_after": "2026-04-30", "created_before": "2026-05-01"}, [1]),
        ({"q": "in_march"}, [1]),
        ({"q": "in_mar"}, [1]),
        ({"q": "pi_special"}, [2]),
        ({"q": "signal"}, [0]),
        ({"q": "pack"}, []),
        ({"q": "signal", "status": "succeeded"}, []),
        ({"q": "in_march", "max_amount": 1}, []),
    ],
)
def test_filters_leave_what_was_asked_for(
    shop: Shop, alice: User, three: list[str], query: dict[str, Any], found: list[int]
):
    assert listed(shop, alice, **query) == [three[number] for number in found]


def test_a_payment_is_found_by_our_own_id(shop: Shop, alice: User, three: list[str]):
    assert listed(shop, alice, q=three[1]) == [three[1]]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("colour=red", "colour"),
        ("status=lost", "status"),
        ("status=", "status"),
        ("status=failed,", "status"),
        ("provider=paypal", "provider"),
        ("tier=no%20slug", "tier"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-05-02&created_before=2026-05-01", "created_before"),
        ("min_amount=9.50", "min_amount"),
        ("min_amount=-1", "min_amount"),
        ("max_amount=1e3", "max_amount"),
        ("max_amount=99999999999999999999", "max_amount"),
        ("min_amount=5&max_amount=4", "max_amount"),
        ("q=%00", "q"),
        ("q=" + "x" * 101, "q"),
        ("status=failed&status=succeeded", "status"),
        ("cursor=nonsense", "cursor"),
        ("cursor=ZiB4IHk", "cursor"),
        ("page_size=many", "page_size"),
        ("page_size=0", "page_size"),
        ("user=1", "user"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(
    shop: Shop, alice: User, query: str, name: str
):
    answer = shop.client(alice).get(f"{PAYMENTS}?{query}")
    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    assert [error["attr"] for error in answer.json()["errors"]] == [name]


def test_nobody_finds_what_is_somebody_elses(shop: Shop, bob: User, three: list[str]):
    assert listed(shop, bob) == []
    assert listed(shop, bob, q="pi_special") == listed(shop, bob, q=three[0]) == []
    assert shop.client(bob).get(f"{PAYMENTS}/{three[0]}").status_code == 404


def test_pages_go_on_through_many_payments_of_one_moment(shop: Shop, alice: User):
    """As after an import: only the ids tell them apart."""
    made = make_payments(alice, 45, created_at=MAY)
    api, seen, url = shop.client(alice), [], f"{PAYMENTS}?page_size=10"
    while url:
        page = api.get(url).json()
        seen.append([row["id"] for row in page["results"]])
        back, url = page["previous"], page["next"]
    assert sum(seen, []) == sorted((str(each.pk) for each in made), reverse=True)
    while back:
        page = api.get(back).json()
        assert [row["id"] for row in page["results"]] in seen
        back = page["previous"]


def test_a_page_looks_no_further_than_it_may_and_the_next_goes_on(shop: Shop, alice: User):
    write_past(alice, 2 * MOST_LOOKED_AT + 10)
    old = make_payment(alice, status="disputed", created_at=MAY - timedelta(days=4000))
    api, url, pages = shop.client(alice), f"{PAYMENTS}?status=disputed", []
    while url:
        page = api.get(url).json()
        pages.append([row["id"] for row in page["results"]])
        back, url = page["previous"], page["next"]
    assert pages == [[], [], [str(old.pk)]]
    while back:
        page = api.get(back).json()
        back = page["previous"]
        assert page["results"] == []
    while page["next"]:
        page = api.get(page["next"]).json()
    assert [row["id"] for row in page["results"]] == [str(old.pk)]


@pytest.mark.parametrize(
    ("query", "statements"),
    [("", 2), ("created_after=2020-01-01", 2), ("status=failed&min_amount=3", 3), ("q=nothing", 4)],
)
def test_the_statements_of_a_page_do_not_grow_with_it(
    shop: Shop, alice: User, query: str, statements: int
):
    make_payments(alice, 60)
    api = shop.client(alice)
    with CaptureQueriesContext(connection) as asked:
        api.get(f"{PAYMENTS}?page_size=50&{query}")
    assert len(asked) == statements


def test_one_payment_tells_its_story(shop: Shop, alice: User):
    session_id = shop.checkout(alice, "lifetime")
    shop.stripe.pay(session_id, card="4000000000009995")
    shop.stripe.pay(session_id).raise_for_status()
    shop.hear()
    payment = Payment.objects.get()
    api = shop.client(alice)
    with CaptureQueriesContext(connection) as asked:
        told = api.get(f"{PAYMENTS}/{payment.pk}").json()
    # The session with its user, the payment, its attempts, its events, its mail.
    assert len(asked) == 5
    assert (told["refunds"], told["dispute"]) == ([], None)
    assert [attempt["decline_code"] for attempt in told["attempts"]] == ["insufficient_funds", ""]
    kinds = [each["kind"] for each in told["timeline"]]
    assert kinds == ["created", "attempt_failed", "attempt_succeeded", "succeeded"]
    declined, paid = told["timeline"][1], told["timeline"][3]
    assert declined["detail"] == "Your card has insufficient funds."
    assert paid["cause"].startswith("evt_")


def test_the_story_tells_when_the_receipt_was_sent(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    shop.hear()
    sweeping.sweep()
    payment, receipt = Payment.objects.get(), Invoice.objects.get()
    mail = Mail.objects.get(template="receipt")
    assert mail.context["number"] == receipt.number
    path = f"{PAYMENTS}/{payment.pk}"
    assert "receipt_sent" not in str(shop.client(alice).get(path).json()["timeline"])
    Mail.objects.update(next_attempt_at=timezone.now())
    outbox.send_due()
    sent = shop.client(alice).get(path).json()["timeline"][-1]
    mail.refresh_from_db()
    assert (sent["kind"], sent["detail"]) == ("receipt_sent", receipt.number)
    assert mail.sent_at is not None
    assert sent["at"][:19] == mail.sent_at.isoformat()[:19]


def test_a_story_is_in_the_order_of_time_however_late_the_news(shop: Shop, alice: User):
    customer = shop.buy(alice, "lifetime") and shop.stripe.get("customers")["data"][0]["id"]
    shop.hear()
    intent = {"id": "pi_late", "customer": customer, "created": 1_790_000_000}
    shop.hear(
        event("payment_intent.succeeded", payment_intent(**intent), created=1_790_000_300),
        event("payment_intent.processing", payment_intent(**intent), created=1_790_000_100),
    )
    payment = Payment.objects.get(provider_id="pi_late")
    timeline = shop.client(alice).get(f"{PAYMENTS}/{payment.pk}").json()["timeline"]
    assert [each["kind"] for each in timeline] == ["created", "attempt_succeeded", "succeeded"]
    assert payment.status == "succeeded"


@pytest.mark.parametrize("pk", ["0" * 36, "018f0000-0000-7000-8000-000000000000", "-" * 36])
def test_a_payment_that_is_not_there_is_not_found(shop: Shop, alice: User, pk: str):
    assert shop.client(alice).get(f"{PAYMENTS}/{pk}").status_code == 404


ADMIN = "/api/v1/admin/payments"


def staff(shop: Shop, role: str) -> User:
    person = shop.person(is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    return person


@pytest.mark.parametrize("role", ["Support", "Finance", "Auditor"])
def test_every_role_of_the_staff_sees_all_payments(
    shop: Shop, alice: User, bob: User, three: list[str], role: str
):
    make_payment(bob, status="disputed")
    person = staff(shop, role)
    assert len(listed(shop, person, ADMIN)) == 4
    assert len(listed(shop, person, ADMIN, user=alice.pk, status="failed,succeeded")) == 2
    assert listed(shop, person, ADMIN, user="Alice@example.com") == three
    assert len(listed(shop, person, ADMIN, status="disputed")) == 1
    assert listed(shop, person, ADMIN, q="pi_special") == [three[2]]
    assert listed(shop, person, ADMIN, user="nobody@example.com") == []
    row = shop.client(person).get(ADMIN, {"user": alice.pk}).json()["results"][0]
    assert (row["user"], row["email"]) == (alice.pk, "alice@example.com")


def test_the_staff_list_is_for_staff_with_the_right(shop: Shop, alice: User, client):
    assert client.get(ADMIN).status_code == 401
    for person in (alice, shop.person(is_staff=True)):
        assert shop.client(person).get(ADMIN).status_code == 403


def test_a_page_of_the_staff_costs_the_same_whoever_paid(shop: Shop):
    for _ in range(5):
        make_payment(shop.person())
    api = shop.client(staff(shop, "Support"))
    with CaptureQueriesContext(connection) as asked:
        api.get(ADMIN)
    assert len([each for each in asked if "billing_payment" in each["sql"]]) == 1


def test_what_happened_within_one_second_is_told_in_its_order(deal: Deal):
    escrow_id = deal.hold()
    told = deal.hers.get(f"{PAYMENTS}/{escrow_id}").json()["timeline"]
    assert [each["kind"] for each in told] == ["created", "pending", "attempt_succeeded", "held"]
