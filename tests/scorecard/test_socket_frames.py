"""R31: frames that are none, and what the neighbours notice of them."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import ClientConnection

from tests.product import Person, Product
from tests.scorecard.conftest import Score
from tests.sessions_live.raw import PING, frame, raw, raw_close_code

pytestmark = pytest.mark.scorecard

# What is sent, and the code that answers it.
FRAMES = {
    "64 KB and one": (frame(b"x" * 65_537), 1009),
    "1 MB": (frame(b"x" * 1_048_576), 1009),
    "too big in parts": (frame(b"x" * 60_000, first=0x01) + frame(b"x" * 60_000, first=0x80), 1009),
    "bad UTF-8": (frame(b"\xff\xfe"), 1007),
    "a flood": (PING * 10_000, 4429),
    "a flood of nonsense": (frame(b"x") * 10_000, 4429),
    "an unfinished fragment": (frame(b'{"type":', first=0x01), 1011),
    "no pong": (b"", 1011),
}
PINGS = 150_000
WITHIN = 30.0


@pytest.mark.timeout(300)
def test_r31_each_misbehaviour_has_its_code_and_no_neighbour_suffers(
    product: Product, score: Score
):
    person = product.person()
    with person.socket() as neighbour, ThreadPoolExecutor(len(FRAMES)) as threads:
        idle = p95(neighbour, seconds=3)
        began = time.monotonic()
        ends = {
            name: threads.submit(code_of, person, sent, began) for name, (sent, _) in FRAMES.items()
        }
        disturbed = p95(neighbour, seconds=5)
        for name, (_, code) in FRAMES.items():
            given, took = ends[name].result()
            score.holds(f"{name}: code", given, exactly=code)
            score.holds(f"{name}: s", took, at_most=WITHIN)
    score.holds("ms p95 of a neighbour, nothing happens", idle * 1000, at_most=1000.0)
    score.holds("its p95 meanwhile, times that", disturbed / idle, at_most=2.0)


def code_of(person: Person, sent: bytes, began: float) -> tuple[int, float]:
    wire = raw(port(person.product), person.access)
    # Whoever sends far too much may be hung up before the last of it.
    with contextlib.suppress(ConnectionError):
        wire.sendall(sent)
    return raw_close_code(wire, within=WITHIN), time.monotonic() - began


def p95(wire: ClientConnection, *, seconds: float) -> float:
    took: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        took.append(round_trip(wire))
        # No more often than it is allowed to speak.
        time.sleep(0.02)
    return sorted(took)[int(len(took) * 0.95)]


def round_trip(wire: ClientConnection) -> float:
    asked = time.monotonic()
    wire.send('{"type":"ping"}')
    while json.loads(wire.recv(timeout=WITHIN))["type"] != "pong":
        pass
    return time.monotonic() - asked


@pytest.mark.timeout(120)
def test_r31_a_flood_of_pings_whose_answers_nobody_reads_is_cut_off(product: Product, score: Score):
    person = product.person()
    before = product.memory("web")
    with person.socket() as neighbour, ThreadPoolExecutor(1) as thread:
        wire = raw(port(product), person.access)
        sending = thread.submit(flood, wire)
        longest = 0.0
        while not sending.done():
            longest = max(longest, round_trip(neighbour))
            time.sleep(0.1)
        score.holds("a flood of pings: s until it is cut off", until_it_ends(wire), at_most=WITHIN)
    score.holds("s that a neighbour waited", longest, at_most=1.0)
    score.holds("MiB more", (product.memory("web") - before) / 1024, at_most=20.0)


def flood(wire: socket.socket) -> None:
    """Until nobody takes any more."""
    wire.settimeout(2)
    with contextlib.suppress(OSError):
        wire.sendall(frame(b"x" * 120, first=0x89) * PINGS)


def until_it_ends(wire: socket.socket) -> float:
    """Where much is still unread the end of a connection overtakes its reason."""
    began = time.monotonic()
    wire.settimeout(WITHIN)
    with contextlib.suppress(ConnectionError):
        while wire.recv(65_536):
            pass
    return time.monotonic() - began


def port(product: Product) -> int:
    return urlsplit(product.url).port or 80
