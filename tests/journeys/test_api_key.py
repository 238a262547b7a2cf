"""A conversation is paid, and a program gets in: the story of the first API key."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.product import Person, Product, caller

TIER = "lifetime"


def a_paid_conversation(product: Product, buyer: Person) -> int:
    """Begun, linked, paid and heard of; the number of the key that this made."""
    begun = buyer.post("conversations", title="On tides").json()
    assert begun["payment_status"] == "unpaid"
    assert buyer.http.get("/api/v1/api-keys").status_code == 403
    link = buyer.post("payment-links", conversation_id=begun["id"], tier=TIER)
    assert link.status_code == 201, link.text
    session_id = link.json()["session_id"]
    assert buyer.get(f"conversations/{begun['id']}")["payment_status"] == "pending"
    product.stripe.pay(session_id).raise_for_status()
    buyer.wait_until_all_is_heard()
    assert buyer.get(f"conversations/{begun['id']}")["payment_status"] == "paid"
    (order,) = buyer.get("orders")
    assert (order["conversation_id"], order["status"]) == (begun["id"], "completed")
    number: int = buyer.look_back(session_id)["api_key_id"]
    return number


def show_where_it_does_not_belong(product: Product, secret: str) -> None:
    nobody = caller(product.url)
    assert nobody.get("/api/v1/me", params={"api_key": secret}).status_code == 401
    assert nobody.get(f"/api/v1/{secret}").status_code == 404
    url = product.url.replace("http", "ws", 1)
    with connect(f"{url}/ws/sessions?token={secret}") as socket, pytest.raises(ConnectionClosed):
        socket.recv()


def test_a_payment_makes_a_key_that_is_revealed_used_and_ended(product: Product):
    buyer = product.person()
    number = a_paid_conversation(product, buyer)
    (listed,) = buyer.get("api-keys")["keys"]
    assert (listed["id"], listed["status"]) == (number, "unrevealed")

    secret = buyer.post(f"api-keys/{number}/reveal").json()["key"]
    assert secret[-8:] == f"{zlib.crc32(secret[:-8].encode()):08x}"
    assert buyer.post(f"api-keys/{number}/reveal").status_code == 409

    program = caller(product.url, Authorization=f"Bearer {secret}")
    assert program.get("/api/v1/entitlements").json()["tier"] == TIER
    assert program.get("/api/v1/api-keys").status_code == 403

    show_where_it_does_not_belong(product, secret)
    ended = buyer.http.delete(f"/api/v1/api-keys/{number}")
    assert (ended.status_code, ended.json()) == (200, {"success": True})
    # Several processes answer; none of them remembers the key.
    assert {program.get("/api/v1/entitlements").status_code for _ in range(10)} == {401}

    written = "".join(
        file.read_text(errors="replace") for file in Path(product.card["log_dir"]).iterdir()
    )
    assert secret not in written
    assert secret[20:] not in written
