"""What only real connections show: several processes, frames that are none, readers that stop."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from config.embedded import Redis
from config.kit.redis_client import redis_client
from sessions_live import live
from tests.sessions_live.conftest import PASSWORD
from tests.sessions_live.raw import PING, frame, raw, raw_close_code
from tests.sessions_live.served import Process, processes, redis_server
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("served")]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with redis_server(tmp_path_factory.mktemp("live") / "redis") as server:
        yield server


@pytest.fixture(scope="module")
def two(redis: Redis) -> Iterator[list[Process]]:
    with processes(redis, 2, SOCKETS_PER_PERSON="500", SOCKETS_PER_ADDRESS="500") as running:
        yield running


def close_code(wire: ClientConnection, *, within: float = 30) -> int:
    deadline = time.monotonic() + within
    try:
        while True:
            wire.recv(timeout=max(0.0, deadline - time.monotonic()))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def heard(wire: ClientConnection, kind: str, *, within: float = 20) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while True:
        frame = json.loads(wire.recv(timeout=max(0.0, deadline - time.monotonic())))
        if frame["type"] == kind:
            return frame


def test_a_session_revoked_at_one_process_is_out_of_the_other_within_a_second(alice, two):
    """R29 over processes: HTTP at once, a hundred sockets within a second."""
    first, second = two
    here, there = (each.sign_in(alice.email, PASSWORD) for each in two)
    paths = ("/ws/sessions", "/ws/payments")
    wires = [
        each.connect(there["access"], path) for each in two for path in paths for _ in range(25)
    ]
    began = time.monotonic()
    answer = first.call("DELETE", f"sessions/{there['session_id']}", here["access"])
    assert answer.json() == {"success": True}
    assert second.call("GET", "me", there["access"]).status_code == 401
    assert {close_code(wire, within=2) for wire in wires} == {4409}
    assert time.monotonic() - began < 2


def test_who_was_on_a_killed_process_goes_offline(alice, redis, two):
    watcher = two[0].sign_in(alice.email, PASSWORD)
    with processes(redis, 1) as (doomed,):
        lost = doomed.sign_in(alice.email, PASSWORD)
        doomed.connect(lost["access"], "/ws/payments")
        with two[0].connect(watcher["access"]) as wire:
            listed = heard(wire, "session_update")["sessions"]
            assert {each["id"] for each in listed if each["online"]} == {
                watcher["session_id"],
                lost["session_id"],
            }
            doomed.kill()
            gone = heard(wire, "session_update")["session"]
    assert (gone["id"], gone["online"]) == (lost["session_id"], False)


def test_a_session_on_two_processes_stays_online_when_one_lets_it_go(alice, two):
    held = two[0].sign_in(alice.email, PASSWORD)
    watcher = two[1].sign_in(alice.email, PASSWORD)

    def online() -> bool:
        listed = two[1].call("GET", "sessions", watcher["access"]).json()["results"]
        return next(each["online"] for each in listed if each["id"] == held["session_id"])

    with two[0].connect(held["access"]):
        with two[1].connect(held["access"]):
            assert online()
        # Longer than the grace: the other process has answered for it.
        until = time.monotonic() + 5
        eventually(lambda: not online() or time.monotonic() > until, within=8)
        assert online()
    eventually(lambda: not online())


def test_what_was_missed_while_redis_hung_is_said_when_it_is_back(alice, redis, two):
    """R32, where no subscription was lost. Over half a minute: R29 of the scorecard."""
    first, second = two
    here, there = (each.sign_in(alice.email, PASSWORD) for each in two)
    revoked, staying = second.connect(there["access"]), second.connect(here["access"])
    heard(staying, "session_update")
    pid = redis.pid()
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = first.call("DELETE", f"sessions/{there['session_id']}", here["access"])
        assert (answer.status_code, time.monotonic() - began < 3) == (200, True)
        assert second.call("GET", "me", there["access"]).status_code == 401
    finally:
        os.kill(pid, signal.SIGCONT)
    assert close_code(revoked, within=5) == 4409
    while len(heard(staying, "session_update").get("sessions", "")) != 1:
        pass
    staying.close()


# --- frames that are none (R31) -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "code", "within"),
    [
        (frame(b"x" * 65_537), 1009, 5),
        (frame(b"x" * 60_000, first=0x01) + frame(b"x" * 60_000, first=0x80), 1009, 5),
        (frame(b"\xff\xfe"), 1007, 5),
        (PING * 601, 4429, 10),
        (frame(b"x") * 16, 4429, 5),
        (frame(b'{"type":', first=0x01), 1011, 6),
        (b"", 1011, 6),
    ],
    ids=["too big", "too big in parts", "bad UTF-8", "flood", "nonsense", "unfinished", "no pong"],
)
def test_a_socket_that_misbehaves_is_closed_with_its_code_and_hurts_nobody(
    alice, two, what, code, within
):
    access = two[0].sign_in(alice.email, PASSWORD)["access"]
    neighbour = two[0].connect(access, "/ws/payments")
    wire = raw(two[0].port, access)
    wire.sendall(what)
    began = time.monotonic()
    neighbour.send('{"type":"ping"}')
    assert heard(neighbour, "pong", within=2)
    assert raw_close_code(wire, within=within) == code
    assert time.monotonic() - began < within
    neighbour.close()


def test_a_reader_who_stops_is_cut_off_and_costs_little(alice, redis, two, settings):
    """Far more is offered than anyone would wait for; who reads misses nothing."""
    process, pair = two[0], two[0].sign_in(alice.email, PASSWORD)
    stalled = raw(process.port, pair["access"])
    reading = process.connect(pair["access"], "/ws/payments")
    before = process.memory
    settings.REDIS_URL = redis.url()
    redis_client.cache_clear()
    filler = "x" * 40_000
    try:
        for number in range(1_000):
            live.push(alice.pk, "payment:update", {"payment_id": number, "filler": filler})
            assert heard(reading, "payment:update")["data"]["payment_id"] == number
    finally:
        # Whoever comes next must not look for the Redis of this test.
        redis_client.cache_clear()
    assert process.memory - before < 20 * 1024
    assert raw_close_code(stalled, within=5) == 4408
    reading.close()
