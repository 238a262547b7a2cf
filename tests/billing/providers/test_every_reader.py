"""Each kind of event that has effects is read from Stripe's own example of its object; whatever is
taken from it, or put in its place, is either read or refused, loudly."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from billing.models import Subscription
from billing.providers.base import UnknownShape
from billing.providers.stripe import client, paying_out
from billing.providers.stripe.translation import READERS, facts_of
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.stripe_events import deliver, event

OBJECTS = Path(__file__).parents[4] / "shared" / "fixtures" / "stripe" / "objects.json"
examples = pytest.mark.skipif(not OBJECTS.exists(), reason="no examples on this machine")
KINDS = sorted({**READERS, **paying_out.READERS})
# What stands in the place of a value, one after the other.
STRANGE: tuple[Any, ...] = (None, "", "strange", 1.5, -(10**30), True, [], {}, [{}], {"id": 1})


def object_of(kind: str) -> str:
    name, _, _ = kind.rpartition(".")
    within = {"customer.subscription": "subscription", "charge.dispute": "dispute"}
    return {**within, "charge.refund": "refund"}.get(name, name)


def example(kind: str) -> dict[str, Any]:
    """Stripe's, whose words are made up where any will do."""
    thing: dict[str, Any] = json.loads(OBJECTS.read_text())["resources"][object_of(kind)]
    if thing["object"] == "subscription":
        thing["pending_update"] = None
    return copy.deepcopy(thing)


@examples
@pytest.mark.parametrize("kind", KINDS)
def test_stripe_s_own_example_is_read(kind: str):
    for fact in facts_of(event(kind, example(kind))):
        assert fact.provider == "stripe"


@examples
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_missing_or_strange_is_read_or_refused(kind: str):
    thing, refused = example(kind), 0
    for name in thing:
        without = {key: value for key, value in thing.items() if key != name}
        for changed in (without, *({**thing, name: strange} for strange in STRANGE)):
            try:
                facts_of(event(kind, changed))
            except UnknownShape:
                refused += 1
    assert refused, "nothing of it is needed?"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("thing", [{}, [], "evt", None], ids=str)
def test_an_object_of_nothing_is_refused(kind: str, thing: Any):
    with pytest.raises(UnknownShape, match=kind):
        facts_of(event(kind, thing))


# --- what Stripe answers when it is asked ---------------------------------------------------------


class Stranger(BaseHTTPRequestHandler):
    """Answers every question with an object that nobody knows."""

    def do_GET(self) -> None:
        body = b'{"id": "sub_1", "object": "subscription", "status": "on_hold"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Not among the tests' own words."""


@pytest.fixture
def stranger(settings: Any) -> Iterator[None]:
    """Stripe has changed overnight."""
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{server.server_port}"
    client.client.cache_clear()
    yield
    client.client.cache_clear()
    server.shutdown()
    server.server_close()


def test_an_answer_of_an_unknown_shape_is_a_dead_letter_too(
    shop: Shop, alice: User, request: pytest.FixtureRequest
):
    shop.buy(alice)
    shop.hear()
    known = Subscription.objects.get()
    thing = shop.stripe.get(f"subscriptions/{known.provider_id}")
    at = int(known.fact_at.timestamp()) + 60
    request.getfixturevalue("stranger")
    # Two changes of one second: which is the later, only Stripe can tell.
    for status in ("past_due", "active"):
        changed = event("customer.subscription.updated", {**thing, "status": status}, created=at)
        deliver(changed)
    for _ in range(inbox.ATTEMPTS):
        WebhookEvent.objects.update(next_attempt_at="2000-01-01T00:00:00Z")
        inbox.drain()
    first, second = WebhookEvent.objects.order_by("-id")[:2][::-1]
    assert (first.status, second.status) == ("processed", "failed")
    assert "UnknownShape: what Stripe says of SubscriptionChanged" in second.error
    assert Subscription.objects.get().status == "past_due"
