from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from tests.product import Person, Product
from tests.scorecard.conftest import Score
from tests.scorecard.crowd import Crowd, Outcome
from tests.scorecard.sending import Sender
from tests.waiting import eventually

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(300)]


def test_r06_processes_may_be_killed_at_any_moment(product: Product, crowd: Crowd, score: Score):
    events = crowd.payments(1500)
    sender = Sender(product.url, lambda: product.secret)
    kills = 0
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sender.send_all, events, at_once=8)
        dead: dict[str, list[int]] = {"web": [], "worker": []}
        for number in range(20):
            role = ("web", "worker")[number % 2]
            wait_for(sender, 70 * number)
            product.wait_until_replaced(role, dead[role])
            dead[role] = [product.pids(role)[number // 2 % 2]]
            os.kill(dead[role][0], signal.SIGKILL)
            kills += 1
        answers = sending.result()
    last = time.monotonic()

    outcome = Outcome(product, events)
    eventually(lambda: outcome.count("received") == 0, within=60)
    drained = time.monotonic() - last
    score.holds("kills, web and worker in turn", kills, exactly=20)
    score.holds("deliveries accepted in the end", len(answers), exactly=1500)
    score.holds("rows in the inbox", outcome.count(), exactly=1500)
    score.holds("events taken, once", outcome.taken_once, exactly=1500)
    score.holds("effects", outcome.effects, exactly=1500)
    score.holds("drained after the last was sent, s", drained, at_most=15.0)
    print(f"tries: {sum(answer.tries for answer in answers)}")


def wait_for(sender: Sender, accepted: int) -> None:
    eventually(lambda: sender.accepted >= accepted, within=60)


class Neighbour:
    """Somebody who looks at the plans and checks out all the while."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.seconds: list[tuple[float, str]] = []
        self.failed: list[int] = []
        self.leaving = False

    def shop(self) -> None:
        account = {"email": self.person.email, "password": "correct horse battery"}
        while not self.leaving:
            self.ask("GET", "plans", 200)
            self.ask("POST", "checkout-sessions", 201, tier="lifetime")
            self.ask("POST", "auth/token", 200, **account)

    def ask(self, method: str, path: str, wanted: int, **body: str) -> None:
        started = time.monotonic()
        answer = self.person.http.request(method, f"/api/v1/{path}", json=body or None)
        self.seconds.append((time.monotonic() - started, path))
        if answer.status_code != wanted:
            self.failed.append(answer.status_code)


def test_r08_redis_may_be_killed_hung_and_emptied(
    product: Product, crowd: Crowd, score: Score, passer_by: Person
):
    events = crowd.payments(500)
    sender, neighbour = Sender(product.url, lambda: product.secret), Neighbour(passer_by)
    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(sender.send_all, events, per_second=50)
        shopping = pool.submit(neighbour.shop)
        wait_for(sender, 100)
        product.kill("redis")
        wait_for(sender, 200)
        hung = product.signal("redis", signal.SIGSTOP)
        wait_for(sender, 400)
        assert product.pids("redis") == hung
        product.signal("redis", signal.SIGCONT)
        with redis.Redis.from_url(product.card["redis_url"]) as store:
            store.flushall()
        answers = sending.result()
        last = time.monotonic()
        outcome = Outcome(product, events)
        eventually(lambda: outcome.effects == 500, within=60)
        drained = time.monotonic() - last
        neighbour.leaving = True
        shopping.result()

    score.holds("deliveries answered 2xx at once", sum(a.tries == 1 for a in answers), exactly=500)
    score.holds("slowest delivery, s", max(a.seconds for a in answers), at_most=2.0)
    score.holds("effects", outcome.effects, exactly=500)
    score.holds("events taken, once", outcome.taken_once, exactly=500)
    score.holds("effects after the last was sent, s", drained, at_most=30.0)
    slowest, path = max(neighbour.seconds)
    score.holds(f"slowest other request ({path}), s", slowest, at_most=2.0)
    score.holds(
        f"other requests refused {neighbour.failed or ''}", len(neighbour.failed), exactly=0
    )
