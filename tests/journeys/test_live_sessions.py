"""One person on two devices, from outside."""

from __future__ import annotations

import json
from typing import Any

from websockets import Subprotocol
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.product import Person, Product
from tests.waiting import eventually


def open_socket(person: Person, path: str) -> ClientConnection:
    url = f"ws{person.product.url.removeprefix('http')}{path}"
    protocols = [Subprotocol("bearer"), Subprotocol(person.access)]
    return connect(url, subprotocols=protocols, proxy=None, legacy=True)


def heard(wire: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(wire.recv(timeout=20))
        if frame["type"] == kind:
            return frame


def own_session(person: Person) -> dict[str, Any]:
    first: dict[str, Any] = person.get("sessions")["results"][0]
    assert first["is_current"]
    return first


def test_a_second_device_is_seen_revoked_and_gone(product: Product):
    laptop = product.person()
    with open_socket(laptop, "/ws/sessions") as wire:
        assert len(heard(wire, "session_update")["sessions"]) == 1
        phone = product.sign_in(laptop.email, "correct horse battery")
        created = heard(wire, "session_created")["session"]
        assert created["id"] == own_session(phone)["id"]
        with open_socket(phone, "/ws/payments") as open_at_the_phone:
            assert heard(wire, "session_update")["session"]["online"]
            wire.send(json.dumps({"type": "revoke_session", "id": created["id"], "ref": 7}))
            assert heard(wire, "ack") == {"type": "ack", "ref": 7, "success": True}
            code = 0
            try:
                open_at_the_phone.recv(timeout=2)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 0
            assert code == 4409
    assert phone.http.get("/api/v1/me").status_code == 401
    assert [each["id"] for each in laptop.get("sessions")["results"]] == [own_session(laptop)["id"]]


def test_a_killed_server_leaves_no_gap_in_the_feed(product: Product):
    buyer = product.person()
    with open_socket(buyer, "/ws/payments") as wire:
        product.stripe.pay(buyer.checkout()).raise_for_status()
        seen = heard(wire, "payment:update")["event_id"]
        buyer.wait_until_all_is_heard()
    dead = product.kill("web")
    product.wait_until_replaced("web", dead)
    product.stripe.pay(buyer.checkout("lifetime")).raise_for_status()
    eventually(lambda: len(buyer.get("payments")["results"]) == 2, within=20)
    with open_socket(buyer, "/ws/payments") as wire:
        wire.send(json.dumps({"type": "resume", "after": seen}))
        missed = heard(wire, "payment:update")
        assert missed["event_id"] > seen
        assert missed["data"]["status"] == "succeeded"
