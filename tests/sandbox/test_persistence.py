"""Keeping the state: across a restart, and a kill."""

from __future__ import annotations

import signal
from pathlib import Path

from .desk import SECRET, Desk, Receiver, eventually, start_process


def test_a_killed_sandbox_comes_back_as_it_was(tmp_path: Path, receiver: Receiver) -> None:
    options = ["--data", str(tmp_path / "state.sqlite3")]
    hook = ["--stripe-webhook", receiver.url, "--stripe-webhook-secret", SECRET]
    process, url = start_process(*options, *hook)
    desk = Desk(url, receiver)
    receiver.came.clear()
    desk.advance(10)
    subscription = desk.subscription(trial_period_days=14)
    eventually(lambda: not desk.v1.events.list({"delivery_success": False}).data)
    desk.control("deliveries", mode="hold")
    sent = desk.raw("POST", "/v1/customers", "name=held", Idempotency_Key="p1").json()
    session = desk.checkout()
    types = desk.types()
    process.send_signal(signal.SIGKILL)
    process.wait()
    receiver.came.clear()

    process, url = start_process(*options, *hook)
    desk = Desk(url, receiver)
    try:
        assert desk.types() == types
        eventually(lambda: "customer.created" in desk.taken())
        again = desk.raw("POST", "/v1/customers", "name=held", Idempotency_Key="p1")
        assert again.json() == sent
        assert desk.complete(session)["payment_status"] == "paid"
        desk.advance(15)
        assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"
        assert len(desk.v1.webhook_endpoints.list().data) == 1
    finally:
        process.terminate()
        assert process.wait(20) == 0
