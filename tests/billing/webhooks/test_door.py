from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from billing.webhooks.models import WebhookEvent
from tests.stripe_events import deliver, doorstep, event, payment_intent, sign

pytestmark = pytest.mark.django_db(transaction=True)


def post(body: bytes | str, signature: str | None, path: str = "/webhooks/stripe"):
    headers = {} if signature is None else {"Stripe-Signature": signature}
    with doorstep() as client:
        return client.post(path, content=body, headers=headers)


def test_a_signed_event_is_stored_before_it_is_answered():
    happened = event("payment_intent.succeeded", payment_intent())
    answer = deliver(happened)
    assert (answer.status_code, answer.json()) == (
        200,
        {"received": True, "event_type": "payment_intent.succeeded"},
    )
    stored = WebhookEvent.objects.get()
    assert (stored.event_id, stored.status) == (happened["id"], "received")
    assert stored.payload == happened


def test_a_duplicate_gets_the_same_answer_and_no_second_row():
    happened = event("payment_intent.succeeded", payment_intent())
    answers = [deliver(happened) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert WebhookEvent.objects.count() == 1


def test_fifty_deliveries_at_once_store_one_row():
    happened = event("payment_intent.succeeded", payment_intent())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: deliver(happened).status_code, range(50)))
    assert set(answers) == {200}
    assert WebhookEvent.objects.count() == 1


def test_a_trailing_slash_is_accepted():
    body = json.dumps(event("ping", {"id": "x", "object": "y"}))
    assert post(body, sign(body), "/webhooks/stripe/").status_code == 200


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "garbage",
        "t=,v1=",
        "t=abc,v1=00",
        "v1=0000",
        "t=1,v1=0000",
        "t=99999999999999999999,v1=00",
    ],
)
def test_without_a_right_signature_nothing_is_stored(signature: str | None):
    body = json.dumps(event("payment_intent.succeeded", payment_intent()))
    answer = post(body, signature)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "bad_delivery"
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400])
def test_a_signature_of_another_time_is_refused(seconds: int):
    body = json.dumps(event("payment_intent.succeeded", payment_intent()))
    assert post(body, sign(body, at=int(time.time()) + seconds)).status_code == 400


@pytest.mark.parametrize("seconds", [-290, 290])
def test_a_clock_may_differ_by_five_minutes(seconds: int):
    body = json.dumps(event("payment_intent.succeeded", payment_intent()))
    assert post(body, sign(body, at=int(time.time()) + seconds)).status_code == 200


def test_two_times_in_one_signature_are_refused():
    body = json.dumps(event("payment_intent.succeeded", payment_intent()))
    assert post(body, f"{sign(body)},t={int(time.time())}").status_code == 400


def test_a_changed_body_is_refused():
    body = json.dumps(event("payment_intent.succeeded", payment_intent(amount=1900)))
    assert post(body.replace("1900", "9900"), sign(body)).status_code == 400


def test_a_secret_may_be_rotated_without_losing_an_event(settings):
    old, new = "whsec_old0123456789abcdef", "whsec_new0123456789abcdef"
    body = json.dumps(event("payment_intent.succeeded", payment_intent()))

    def accepted(secret: str) -> bool:
        return post(body, sign(body, secret=secret)).status_code == 200

    settings.STRIPE_WEBHOOK_SECRETS = [old]
    assert (accepted(old), accepted(new)) == (True, False)
    settings.STRIPE_WEBHOOK_SECRETS = [new, old]
    assert (accepted(old), accepted(new)) == (True, True)
    settings.STRIPE_WEBHOOK_SECRETS = [new]
    assert (accepted(old), accepted(new)) == (False, True)


@pytest.mark.parametrize(
    "envelope",
    [
        {"livemode": True},
        {"livemode": None},
        {"livemode": "false"},
        {"account": "acct_stranger"},
        {"object": "v2.core.event"},
        {"id": ""},
        {"id": 5},
        {"id": "evt_" + "x" * 300},
        {"type": None},
        {"type": "a\0b"},
    ],
)
def test_a_signed_event_that_is_not_for_us_is_refused(envelope: dict):
    answer = deliver(event("payment_intent.succeeded", payment_intent(), **envelope))
    assert answer.status_code == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 9999]
)
def test_signed_nonsense_is_refused(body: bytes):
    text = body.decode("latin-1")
    assert post(body, sign(text)).status_code == 400
    assert not WebhookEvent.objects.exists()


def test_a_nul_inside_an_events_text_can_be_stored():
    happened = event("payment_intent.succeeded", payment_intent(metadata={"note": "a\0b"}))
    assert deliver(happened).status_code == 200
    assert WebhookEvent.objects.get().payload["data"]["object"]["metadata"] == {"note": "a\0b"}


def test_an_event_over_a_megabyte_is_refused():
    body = json.dumps(
        event("payment_intent.succeeded", payment_intent(description="x" * 1_000_001))
    )
    assert post(body, sign(body)).status_code == 413
    assert not WebhookEvent.objects.exists()


def test_only_post_is_answered():
    with doorstep() as client:
        assert client.get("/webhooks/stripe").status_code == 405


def test_a_database_that_is_away_is_a_503_so_that_it_is_sent_again(monkeypatch):
    import psycopg

    def away(*_: object) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr("billing.webhooks.door.store", away)
    answer = deliver(event("payment_intent.succeeded", payment_intent()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_callers_request_id_is_answered_and_stored():
    answer = deliver(event("ping", {"id": "x"}), **{"X-Request-ID": "seen-by-stripe-1"})
    assert answer.headers["X-Request-ID"] == "seen-by-stripe-1"
    assert WebhookEvent.objects.get().request_id == "seen-by-stripe-1"


def test_the_published_view_shows_the_inbox():
    happened = event("payment_intent.succeeded", payment_intent())
    deliver(happened)
    with connection.cursor() as cursor:
        cursor.execute("SELECT provider, event_id, type, status, attempts FROM audit_inbox")
        assert cursor.fetchall() == [
            ("stripe", happened["id"], "payment_intent.succeeded", "received", 0)
        ]
