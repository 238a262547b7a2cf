"""Making an event of what happened, for everyone who asked to be told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox import API_VERSION
from sandbox.contract.checks import check_event
from sandbox.world.changes import previous_attributes
from sandbox.world.copies import copied
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World


def emit(world: World, type_: str, body: Obj, previous: dict[str, Any] | None = None) -> Obj:
    """Keep an event about the object as it is now, and one delivery per endpoint."""
    data: dict[str, Any] = {"object": copied(body)}
    if previous is not None:
        data["previous_attributes"] = previous
    cause = world.cause
    event = world.new(
        "event",
        type=type_,
        api_version=API_VERSION,
        data=data,
        request={"id": cause.request_id, "idempotency_key": cause.idempotency_key},
    )
    if cause.account:
        event["account"] = cause.account
    check_event(event)
    world.add(event)
    for endpoint in listeners(world, event):
        enqueue(world, event, endpoint)
    return event


def listeners(world: World, event: Obj) -> list[Obj]:
    """Events of connected accounts go to the endpoints made for them, and to no other."""
    of_connected, type_ = "account" in event, event["type"]
    return [
        row.body
        for row in world.peek("webhook_endpoint")
        if row.body["status"] == "enabled"
        and row.notes.get("connect", False) == of_connected
        and ("*" in row.body["enabled_events"] or type_ in row.body["enabled_events"])
    ]


def enqueue(world: World, event: Obj, endpoint: Obj) -> None:
    event["pending_webhooks"] += 1
    delivery = {
        "id": f"_delivery_{random_text(16)}",
        "object": "_delivery",
        "event": event["id"],
        "type": event["type"],
        "endpoint": endpoint["id"],
        "url": endpoint["url"],
        "created": world.now(),
        "attempts": 0,
        "status": "pending",
        "http_status": None,
        "error": None,
    }
    world.outbox.append(world.add(delivery)["id"])


@contextmanager
def changing(world: World, type_: str, body: Obj) -> Iterator[Obj]:
    """Emit an event with the previous attributes if the object differs afterwards."""
    before = copied(body)
    yield body
    if previous := previous_attributes(before, body):
        emit(world, type_, body, previous)
