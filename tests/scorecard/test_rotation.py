from __future__ import annotations

import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.demo import programs
from tests.product import Product, surroundings
from tests.scorecard.conftest import Score
from tests.scorecard.crowd import Crowd, Event, Outcome
from tests.scorecard.sending import Sender
from tests.stand_in import ROOT
from tests.stripe_events import sign
from tests.waiting import eventually


class Fleet:
    """Web processes as the demo runs them, on one socket, replaced one by one as a deploy does:
    the new one serves before the old one is told to finish."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product, self.folder = product, folder
        self.door = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.running: subprocess.Popen[bytes] | None = None

    def deploy(self, *accepted: str) -> None:
        env = self.product.card["env"] | {"STRIPE_WEBHOOK_SECRET": ",".join(accepted)}
        program = programs.web(1, env, self.door.fileno())
        log = self.folder / f"{secrets.token_hex(4)}.log"
        with log.open("wb") as written:
            new = subprocess.Popen(
                program.command,
                cwd=ROOT,
                env={**surroundings(), **env},
                pass_fds=(self.door.fileno(),),
                stdout=written,
                stderr=written,
            )
        eventually(lambda: "startup complete" in log.read_text(), within=30)
        self.retire()
        self.running = new

    def retire(self) -> None:
        if self.running:
            os.kill(self.running.pid, signal.SIGTERM)
            self.running.wait(20)

    def close(self) -> None:
        self.retire()
        self.door.close()


@contextmanager
def fleet(product: Product, folder: Path) -> Iterator[Fleet]:
    made = Fleet(product, folder)
    try:
        yield made
    finally:
        made.close()


class Traffic:
    """Twenty events a second, until it is ended; meanwhile the secret may change that signs."""

    def __init__(self, url: str, events: list[Event], secret: str) -> None:
        self.signing = itertools.cycle([secret])
        self.sender = Sender(url, lambda: next(self.signing))
        self.events, self.sent = events, 0
        self.ended = threading.Event()

    def flow(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            while not self.ended.wait(1 / 20):
                pool.submit(self.sender.send, self.events[self.sent])
                self.sent += 1

    def sign_with(self, *secrets_in_turn: str) -> None:
        self.signing = itertools.cycle(secrets_in_turn)

    def let_pass(self, number: int) -> None:
        goal = self.sender.accepted + number
        eventually(lambda: self.sender.accepted >= goal, within=60)

    @property
    def refused(self) -> int:
        return sum(status >= 400 for each in self.sender.answers for status in each.refused)


@pytest.mark.parametrize("number", [10, pytest.param(80, marks=pytest.mark.scorecard)])
def test_r03_secrets_rotate_without_losing_an_event(
    product: Product, crowd: Crowd, score: Score, tmp_path: Path, number: int
):
    old, new = (f"whsec_{secrets.token_hex(24)}" for _ in range(2))
    events = crowd.payments(2000, of=2)
    with fleet(product, tmp_path) as web, ThreadPoolExecutor(1) as pool:
        web.deploy(old)
        traffic = Traffic(web.url, events, old)
        flowing = pool.submit(traffic.flow)
        traffic.let_pass(number)
        web.deploy(new, old)
        traffic.sign_with(new, old)
        traffic.let_pass(number)
        traffic.sign_with(new)
        traffic.let_pass(number)
        web.deploy(new)
        traffic.let_pass(number)
        traffic.ended.set()
        flowing.result()
        late = events[traffic.sent :][:20]
        still_old = [traffic.sender.post(*signed(each, old)) for each in late]

    sent, outcome = traffic.sent, Outcome(product, events[: traffic.sent])
    eventually(lambda: outcome.count("received") == 0, within=20)
    score.holds("events refused while secrets rotate", traffic.refused, exactly=0)
    score.holds(f"events of {sent} accepted", traffic.sender.accepted, exactly=sent)
    score.holds(f"effects of {sent} events", outcome.effects, exactly=sent)
    score.holds("refusals of 20 by the old secret, after", still_old.count(400), exactly=20)
    score.holds("rows of those", Outcome(product, late).count(), exactly=0)


def signed(happened: Event, secret: str) -> tuple[str, str]:
    body = json.dumps(happened)
    return body, sign(body, secret=secret)
