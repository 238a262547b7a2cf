from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from billing.models import Order, Subscription
from billing.operations.models import Operation
from billing.providers.stripe.hurry import breaker
from sessions_live.models import User
from sessions_live.tokens import sign_in
from tests.billing.conftest import Shop, unfinished
from tests.billing.operations.conftest import in_a_thread
from tests.billing.operations.trouble import (
    CALLS,
    GATE,
    QUICK,
    Call,
    buy_twice,
    cancel_duplicate,
    charged_for_the_change,
    check_out,
    of_customer,
    subscribe,
    suffer,
    sweep_later,
)
from tests.stand_in import ROOT
from tests.waiting import eventually

each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.kind)
CELLS = [
    pytest.param(call, fault, id=f"{call.kind} {fault}")
    for call in CALLS
    for fault in (QUICK if call.kind == "checkout.open" else GATE)
]


@pytest.mark.parametrize(("call", "fault"), CELLS)
def test_whatever_stripe_does_it_ends_right(shop: Shop, alice: User, call: Call, fault: str):
    suffer(shop, alice, call, QUICK[fault])
    for _ in range(2):
        sweep_later()
    asked = Operation.objects.filter(kind=call.kind).latest("created_at")
    assert asked.status == "succeeded", asked.words
    assert call.objects(shop, alice) == 1
    assert not Operation.objects.open().exists()


@each_call
def test_a_day_later_nothing_is_made_a_second_time(shop: Shop, alice: User, call: Call):
    """Stripe has forgotten the keys by then."""
    suffer(shop, alice, call, QUICK["reset after"])
    shop.stripe.control("clock", advance_seconds=25 * 3600).raise_for_status()
    sweep_later(hours=25)
    asked = Operation.objects.get(kind=call.kind, attempts=2)
    assert asked.status == "succeeded", asked.words
    assert call.objects(shop, alice) == 1


def test_what_stripe_refuses_has_failed_with_its_words(shop: Shop, alice: User):
    shop.stripe.control("faults", match="POST /v1/checkout/sessions", mode="status", status=400)
    assert check_out(shop, alice) == 502
    refused = Operation.objects.get(kind="checkout.open")
    assert (refused.status, refused.attempts) == ("failed", 1)
    assert "asked for by the sandbox" in refused.words
    assert "sandbox" not in refused.error


def test_the_operation_names_what_was_made(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    made = dict(Operation.objects.values_list("kind", "provider_id"))
    assert made["checkout.open"] == session_id
    session = shop.stripe.get(f"checkout/sessions/{session_id}")
    assert made["customer.create"] == session["customer"]
    opened = Operation.objects.get(kind="checkout.open")
    assert session["metadata"]["operation_id"] == str(opened.pk)


# --- killed in the middle -------------------------------------------------------------------------
def kill_in_the_call(shop: Shop, user: User, faulty: str, path: str, **body: str) -> None:
    """The process dies when Stripe has done it, and before it is told so."""
    shop.stripe.control("faults", match=faulty, mode="slow_drip", seconds=60)
    access = sign_in(user, ip=None, user_agent="tests").access
    program = (
        "import django; django.setup();"
        "from rest_framework.test import APIClient;"
        f"client = APIClient(HTTP_AUTHORIZATION='Bearer {access}');"
        f"client.post('/api/v1/{path}', {body!r})"
    )
    method, _, place = faulty.partition(" ")
    place = place.partition("/.*")[0]

    def heard() -> int:
        calls = [(each["method"], each["path"]) for each in shop.stripe.requests()]
        return sum(how == method and where.startswith(place) for how, where in calls)

    before = heard()
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    eventually(lambda: heard() > before, within=60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_while_it_checks_out_it_is_found_again(shop: Shop, alice: User):
    kill_in_the_call(shop, alice, "POST /v1/checkout/sessions", "checkout-sessions", tier="pro")
    assert Operation.objects.get(kind="checkout.open").status == "submitting"
    sweep_later()
    order = Order.objects.get()
    opened = [each["id"] for each in of_customer(shop, alice, "checkout/sessions")]
    assert opened == [order.provider_id]
    assert order.url


def test_killed_while_a_plan_is_changed_it_is_found_again(shop: Shop, alice: User):
    subscribe(shop, alice)
    wish = {"tier": "pro", "interval": "month"}
    kill_in_the_call(shop, alice, "POST /v1/subscriptions/.*", "subscription/change", **wish)
    assert Subscription.objects.get().plan.tier == "trader"
    sweep_later()
    assert Subscription.objects.get().plan.tier == "pro"
    assert charged_for_the_change(shop, alice) == 1
    shop.hear()
    assert shop.holdings(alice)["entitlements"] == ["pro"], unfinished()


# --- the webhook is faster ------------------------------------------------------------------------
def test_a_webhook_that_comes_before_the_answer_is_harmless(shop: Shop, alice: User):
    buy_twice(shop, alice)
    shop.stripe.control(
        "faults", match="DELETE /v1/subscriptions/.*", mode="slow_drip", seconds=1.5
    )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(in_a_thread(lambda: cancel_duplicate(shop, alice)))
        eventually(lambda: any(e["type"].endswith("n.deleted") for e in shop.stripe.events()))
        shop.hear()
        assert Subscription.objects.get(duplicate=True).status == "canceled"
        answer.result()
    assert Operation.objects.get(kind="duplicate.cancel").status == "succeeded"
    assert shop.holdings(alice)["entitlements"] in (["pro"], ["trader"]), unfinished()


# --- Stripe is down -------------------------------------------------------------------------------
def test_while_stripe_is_down_nobody_waits_and_nothing_is_sent(shop: Shop, alice: User):
    down = {"mode": "status", "status": 500, "retry_header": False, "times": 99}
    shop.stripe.control("faults", match="/v1/", **down)
    client = shop.client(alice)
    for _ in range(breaker.FAILURES):
        assert client.post("/api/v1/checkout-sessions", {"tier": "pro"}).status_code == 502
    sent = len(shop.stripe.requests())
    answer = client.post("/api/v1/checkout-sessions", {"tier": "pro"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert len(shop.stripe.requests()) == sent
    shop.stripe.http.delete("/_sandbox/faults")
    sweep_later()
    assert shop.checkout(alice)
    assert len(shop.stripe.get("customers")["data"]) == 1
