"""A tester's desk: one sandbox process, a client of its API, and someone who takes its webhooks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import httpx
import stripe

KEY = "sk_test_" + "a1" * 16
SECRET = "whsec_" + "s3" * 16
CONNECT_SECRET = "whsec_" + "c0" * 16
DAY = 86400
T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 10) -> T:
    """The first true answer."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < until, f"still {found!r} after {seconds} s"
        time.sleep(0.02)


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A sender that was reset goes away in the middle of a sentence."""


class Receiver:
    """Takes webhooks, answers what it is told to, and keeps what came."""

    def __init__(self) -> None:
        self.came: list[dict[str, Any]] = []
        # By event: a straggler of an earlier test must not take another one's answers.
        self.answers: dict[str, list[int]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signature = self.headers["Stripe-Signature"]
                secret = CONNECT_SECRET if self.path == "/connect" else SECRET
                stripe.Webhook.construct_event(body, signature, secret)
                event = json.loads(body)
                left = receiver.answers.get(event["id"])
                status = left.pop(0) if left else 200
                receiver.came.append({"status": status, "event": event, "path": self.path})
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self.server = Server(("127.0.0.1", 0), Handler)
        address = f"http://127.0.0.1:{self.server.server_port}"
        self.url, self.connect_url = f"{address}/hook", f"{address}/connect"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def start_process(*options: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("sandbox ready: "), line
    return process, line.removeprefix("sandbox ready: ").strip()


class Desk:
    def __init__(self, url: str, receiver: Receiver) -> None:
        self.url = url
        self.receiver = receiver
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self.stripe = self.client()

    def client(self, key: str = KEY, **options: Any) -> stripe.StripeClient:
        options.setdefault("max_network_retries", 0)
        return stripe.StripeClient(key, base_addresses={"api": self.url}, **options)

    @property
    def v1(self) -> Any:
        return self.stripe.v1

    # -- the tester's calls

    def control(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code >= 400, answer.text
        return {"http": answer.status_code, **answer.json()["error"]}

    def advance(self, days: float) -> None:
        self.control("clock", advance_seconds=int(days * DAY))

    def raw(self, method: str, path: str, body: str = "", **headers: str) -> httpx.Response:
        known = {"Authorization": f"Bearer {KEY}"}
        if body:
            known["Content-Type"] = "application/x-www-form-urlencoded"
        sent = {**known, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.http.request(method, path, content=body or None, headers=sent)

    # -- things to test with

    def product(self, name: str = "Pro") -> str:
        return str(self.v1.products.create({"name": name}).id)

    def price(self, amount: int = 2000, interval: str | None = "month", **more: Any) -> str:
        params = {"product": self.product(), "currency": "usd", "unit_amount": amount, **more}
        if interval:
            params["recurring"] = {"interval": interval}
        return str(self.v1.prices.create(params).id)

    def customer(self, card: str | None = "pm_card_visa") -> str:
        """A customer, with a default card unless told otherwise."""
        customer = self.v1.customers.create({"email": "alice@example.com"})
        if card:
            method = self.v1.payment_methods.attach(card, {"customer": customer.id})
            settings = {"default_payment_method": method.id}
            self.v1.customers.update(customer.id, {"invoice_settings": settings})
        return str(customer.id)

    def checkout(self, mode: str = "payment", price: str | None = None, **more: Any) -> Any:
        price = price or self.price(interval="month" if mode == "subscription" else None)
        return self.v1.checkout.sessions.create(
            {
                "mode": mode,
                "line_items": [{"price": price, "quantity": 1}],
                "success_url": "http://shop.test/done?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://shop.test/",
                **more,
            }
        )

    def complete(self, session: Any, card: str = "4242424242424242", **more: Any) -> Any:
        return self.control(f"checkout/{session.id}/complete", card=card, **more)

    def session(self, id_: str) -> Any:
        return self.v1.checkout.sessions.retrieve(id_)

    def subscription(self, **more: Any) -> Any:
        """One that is paid for, of a customer with a good card."""
        customer = more.pop("customer", None) or self.customer()
        price = more.pop("price", None) or self.price()
        return self.v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price}], **more}
        )

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Oldest first."""
        listed = self.v1.events.list({"limit": 100, **({"types": list(types)} if types else {})})
        return [event.to_dict() for event in listed.data][::-1]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def arrived(self) -> list[dict[str, Any]]:
        """What the receiver was sent; not a straggler of the test before, from before the reset."""
        made = {event["id"] for event in self.events()}
        return [item for item in self.receiver.came if item["event"]["id"] in made]

    def taken(self) -> list[str]:
        return [item["event"]["type"] for item in self.arrived() if item["status"] == 200]
