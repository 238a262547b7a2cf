from __future__ import annotations

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from apikeys.models import APIKey
from billing.models import Entitlement, Payment, Subscription
from billing.providers.stripe.hurry import breaker
from billing.wallet import ledger
from billing.webhooks.mirror import drain_mirror
from billing.webhooks.models import WebhookEvent
from config.kit.money import Money
from privacy import erasing
from privacy.models import Erasure
from sessions_live.models import LiveSession, User
from tests.billing.providers.stripe_objects import dispute
from tests.privacy.conftest import CLIENT, IDENTIFIERS, PASSWORD, Person, go_on, payments_of, traces
from tests.stripe_events import event, payment_intent


def books() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_ledger_entry ORDER BY id")
        return list(cursor.fetchall())


def test_before_she_leaves_her_traces_are_everywhere(person: Person):
    person.live()
    seen = {word for words in traces().values() for word in words}
    assert seen == set(IDENTIFIERS), set(IDENTIFIERS) - seen


def test_after_it_nothing_names_her_and_the_books_are_the_same(person: Person):
    person.live()
    paid, before = payments_of(person.user), books()
    assert person.leave().status_code == 202
    assert go_on(person) == "done", person.erasure.trouble
    assert traces() == {}
    assert payments_of(person.user) == paid
    assert books() == before
    assert not Subscription.objects.live().exists()
    assert not Entitlement.objects.in_force(timezone.now()).exists()


def test_where_a_key_of_hers_was_found_is_forgotten_too(person: Person):
    person.live()
    found = f"found in public: https://example.com/{person.user.email}/blob/1"
    APIKey.objects.update(status="revoked", revoked_at=timezone.now(), revoke_reason=found)
    person.leave()
    assert go_on(person) == "done", person.erasure.trouble
    assert traces() == {}


def test_the_provider_is_left_too(person: Person):
    person.live()
    stripe, customer_id = person.shop.stripe, person.customer
    open_page = person.shop.checkout(person.shop.person())
    person.leave()
    go_on(person)
    customer = stripe.get(f"customers/{customer_id}")
    named = ("email", "name", "phone", "address")
    assert [customer[name] for name in named] == [None] * len(named)
    assert stripe.get("payment_methods", customer=customer_id)["data"] == []
    ended = stripe.get("subscriptions", customer=customer_id, status="all")["data"]
    assert [each["status"] for each in ended] == ["canceled"]
    assert stripe.get(f"checkout/sessions/{open_page}")["status"] == "open"


def test_what_she_was_about_to_buy_cannot_be_paid_any_more(person: Person):
    opened = person.api.post("/api/v1/payment-intents", {"item_id": "tip"})
    assert opened.status_code == 201, opened.json()
    page = person.shop.checkout(person.user, "pro")
    person.leave()
    assert go_on(person) == "done", person.erasure.trouble
    stripe = person.shop.stripe
    (intent,) = stripe.get("payment_intents")["data"]
    assert intent["status"] == "canceled"
    assert stripe.get(f"checkout/sessions/{page}")["status"] == "expired"


def test_nobody_pays_her_or_is_paid_by_her_any_more(person: Person):
    other = person.shop.person("the.other@example.com")
    body = {"amount": 1_000, "currency": "usd"}
    by_her = person.api.post("/api/v1/escrow-payments", {**body, "payee": other.email})
    to_her = person.shop.client(other).post(
        "/api/v1/escrow-payments", {**body, "payee": person.user.email}
    )
    assert (by_her.status_code, to_her.status_code) == (201, 201)
    person.leave()
    assert go_on(person) == "done", person.erasure.trouble
    asked = person.shop.stripe.get("payment_intents")["data"]
    assert [each["status"] for each in asked] == ["canceled", "canceled"]


def test_the_account_is_closed_at_once(person: Person):
    person.live()
    person.leave()
    assert person.api.get("/api/v1/me").status_code == 401
    assert not LiveSession.objects.live().filter(user=person.user).exists()
    assert set(APIKey.objects.values_list("status", flat=True)) == {"revoked"}
    body = {"email": person.user.email, "password": PASSWORD}
    assert person.api.post("/api/v1/auth/token", body, **CLIENT).status_code == 401


def test_the_last_mail_goes_out_and_its_address_with_it(person: Person):
    person.live()
    mail.outbox.clear()
    person.leave()
    go_on(person)
    assert "griselda.goose@example.com" in [to for each in mail.outbox for to in each.to]
    assert traces(("griselda",)) == {}


def test_the_address_is_free_again(person: Person):
    person.leave()
    go_on(person)
    assert User.objects.create_user("griselda.goose@example.com").pk != person.user.pk


def test_what_stripe_says_afterwards_brings_nothing_back(person: Person):
    person.live()
    paid = Payment.objects.get(user=person.user).provider_id
    person.leave()
    go_on(person)
    who = {"email": "griselda.goose@example.com", "name": "Griselda Goose"}
    late = event(
        "payment_intent.succeeded",
        payment_intent(id=paid, customer=person.customer, amount=9700, receipt_email=who["email"]),
    )
    known = event(
        "customer.updated",
        {"id": person.customer, "object": "customer", "address": {"city": "Ganderton"}, **who}
        | {"created": 1, "livemode": False, "metadata": {}},
    )
    disputed = event(
        "charge.dispute.created",
        dispute(payment_intent=paid, evidence={"customer_name": "Griselda Goose"}),
    )
    person.shop.hear(late, known, disputed)
    drain_mirror()
    assert traces() == {}
    assert not WebhookEvent.objects.filter(status="failed").exists()


def test_a_dead_letter_about_her_is_blackened_too(person: Person):
    person.live()
    person.leave()
    go_on(person)
    WebhookEvent.objects.create(
        provider="stripe",
        event_id="evt_dead",
        type="customer.updated",
        status="failed",
        body=f'{{"data": {{"object": {{"id": "{person.customer}", "name": "Griselda Goose"}}}}}}',
    )
    go_on(person, rounds=1)
    assert traces() == {}


def test_others_keep_what_is_theirs(person: Person):
    other = person.shop.person("gander@example.com", name="Gander Goose")
    person.shop.buy(other)
    person.live()
    drain_mirror()
    person.leave()
    go_on(person)
    other.refresh_from_db()
    assert (other.email, other.is_active) == ("gander@example.com", True)
    assert person.shop.holdings(other)["subscriptions"] == [("active", "pro")]
    assert "gander@example.com" in "".join(WebhookEvent.objects.values_list("body", flat=True))


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("reset_after", "DELETE /v1/subscriptions/.*"),
        ("reset_before", "POST /v1/payment_methods/.*/detach"),
        ("reset_after", "POST /v1/customers/.*"),
        ("reset_after", "POST /v1/payment_methods/.*/detach"),
    ],
)
def test_when_stripe_is_in_trouble_it_goes_on_later(person: Person, fault: str, path: str):
    person.live()
    person.leave()
    person.shop.stripe.control("faults", match=path, mode=fault, times=2)
    assert go_on(person, rounds=1) == "requested"
    assert person.erasure.trouble
    breaker.close()
    person.user.refresh_from_db()
    assert person.user.email == "griselda.goose@example.com"
    assert go_on(person) == "done"
    assert traces() == {}
    ended = person.shop.stripe.get("subscriptions", status="all", limit=9)["data"]
    assert [each["status"] for each in ended] == ["canceled"]


def test_what_is_broken_off_between_two_steps_goes_on(person: Person, monkeypatch):
    """Killed after each step in turn."""
    person.live()
    person.leave()
    for step in ("anonymise", "forget_copies", "finish"):
        with monkeypatch.context() as killed:
            killed.setattr(erasing, step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            Erasure.objects.update(due_at=timezone.now())
            with pytest.raises(KeyboardInterrupt):
                erasing.proceed(person.erasure)
    assert go_on(person) == "done"
    assert traces() == {}


# --- held -----------------------------------------------------------------------------------------
def test_while_a_payment_is_disputed_the_data_is_held_with_the_reason(person: Person):
    person.live()
    Payment.objects.filter(user=person.user).update(status="disputed")
    answer = person.leave()
    assert "disputed" in answer.json()["held_for"][0]
    assert go_on(person) == "held"
    assert traces(("griselda",))
    assert person.api.get("/api/v1/me").status_code == 401
    Payment.objects.filter(user=person.user).update(status="succeeded")
    assert go_on(person) == "done"
    assert traces() == {}


def test_money_in_the_wallet_is_to_be_paid_out_first(person: Person):
    dollar = Money(100, "usd")
    entries = [("stripe:clearing", Money(-100, "usd")), (f"wallet:{person.user.pk}", dollar)]
    ledger.post(reference="test:1", entries=entries)
    answer = person.leave()
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "erasure_refused")
    assert "$1.00" in answer.json()["errors"][0]["detail"]
    assert person.api.get("/api/v1/me").status_code == 200


def test_staff_are_not_erased_by_themselves(person: Person):
    User.objects.filter(pk=person.user.pk).update(is_staff=True)
    assert person.leave().status_code == 409
    assert not Erasure.objects.exists()


# --- who may --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "status"),
    [({"password": "guess"}, 403), ({"password": ""}, 400), ({"sure": True}, 400)],
)
def test_without_the_password_nothing_happens(person: Person, body, status):
    answer = person.leave(**body)
    assert answer.status_code == status
    assert not Erasure.objects.exists()


def test_guessing_the_password_is_throttled(person: Person):
    answers = [person.leave(password=f"guess {number}").status_code for number in range(7)]
    assert answers.count(403) <= 5
    assert answers[-1] == 429


def test_a_key_may_neither_read_all_nor_leave(person: Person):
    person.live()
    key = person.api.post("/api/v1/api-keys", {"name": "k", "scopes": ["billing:read"]}).json()
    person.api.credentials(HTTP_AUTHORIZATION=f"Bearer {key['key']}")
    assert person.api.get("/api/v1/me").status_code == 200
    assert person.leave().status_code == 403
    assert person.api.get("/api/v1/me/export").status_code == 403


def test_asked_twice_it_is_one_erasure(person: Person):
    first = erasing.request_erasure(person.user)
    assert erasing.request_erasure(person.user).pk == first.pk


def test_the_receipt_tells_what_went_and_what_the_law_keeps(person: Person):
    person.live()
    person.leave()
    go_on(person)
    erasure = person.erasure
    assert erasure.went["Webhook events"] > 0
    assert erasure.went["Usage events"] == 1
    assert {"what": "Payments", "rows": 1, "why": "Tax and accounting law: ten years"} in (
        erasure.kept
    )
