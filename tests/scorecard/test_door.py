from __future__ import annotations

import socket
import subprocess
from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.product import Product
from tests.scorecard.conftest import Score
from tests.scorecard.crowd import Crowd, Outcome
from tests.scorecard.mutants import MUTATIONS, mutants
from tests.scorecard.volley import status_of
from tests.stripe_events import event
from tests.waiting import eventually

STRANGE = {"X-Forwarded-For": "not-an-ip", "X-Request-ID": "a b", "User-Agent": "?", "Via": "1"}


def answer_to(url: str, request: bytes) -> int:
    """0 where the connection is closed without a word, which is an answer to nonsense too."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 20) as wire:
        heard = b""
        try:
            wire.sendall(request)
            wire.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all of it was sent
        try:
            while part := wire.recv(65536):
                heard += part
        except ConnectionResetError:
            pass
    return status_of(heard)


def memory(product: Product) -> dict[int, float]:
    """Megabytes of each web process."""
    pids = product.pids("web")
    shown = subprocess.check_output(["ps", "-o", "rss=", "-p", ",".join(map(str, pids))], text=True)
    return dict(zip(pids, (int(line) / 1024 for line in shown.split()), strict=True))


@pytest.mark.parametrize(
    "number", [2 * len(MUTATIONS), pytest.param(1000, marks=pytest.mark.scorecard)]
)
def test_r02_nothing_that_is_not_stripes_word_comes_in(
    product: Product, crowd: Crowd, score: Score, number: int
):
    customer = crowd.customers(1)[0]
    genuine = crowd.payments(20, of=1)
    accepted = sum(product.deliver(each, **STRANGE).status_code == 200 for each in genuine)
    stored, before = product.value("SELECT count(*) FROM audit_inbox"), memory(product)

    statuses = Counter(
        (kind, answer_to(product.url, request))
        for kind, request in mutants(number, secret=product.secret, customer=customer, seed=2)
    )

    after = memory(product)
    taken = [kind for kind, status in statuses if 200 <= status < 300]
    broken = [kind for kind, status in statuses if status >= 500]
    assert after.keys() == before.keys(), "a web process died"
    score.holds("mutants sent", sum(statuses.values()), exactly=number)
    score.holds(f"accepted {taken or ''}", len(taken), exactly=0)
    score.holds(f"5xx {broken or ''}", len(broken), exactly=0)
    now_stored = product.value("SELECT count(*) FROM audit_inbox")
    score.holds("rows stored", now_stored - stored, exactly=0)
    growth = max(after[pid] - before[pid] for pid in after)
    score.holds("memory of a web process grown by, MB", growth, at_most=20.0)
    score.holds("genuine ones in strange company accepted", accepted, exactly=20)
    eventually(lambda: Outcome(product, genuine).effects == 20)


def alarms(product: Product, happened: dict) -> int:
    return sum(line.get("event_id") == happened["id"] for line in product.logged("alarm"))


def test_r04_what_is_not_for_us_is_refused_with_an_alarm(
    product: Product, crowd: Crowd, score: Score
):
    live, foreign = crowd.payments(2, of=1)
    live["livemode"], foreign["account"] = True, "acct_stranger"
    unknown = event("radar.early_fraud_warning.created", {"id": "issfr_1", "object": "radar"})
    statuses = [product.deliver(each).status_code for each in (live, foreign, unknown)]

    eventually(lambda: Outcome(product, [unknown]).count("ignored") == 1)
    score.holds("answer to the wrong mode", statuses[0], exactly=400)
    score.holds("answer to a foreign account", statuses[1], exactly=400)
    score.holds("answer to an unknown type", statuses[2], exactly=200)
    score.holds("rows of the first two", Outcome(product, [live, foreign]).count(), exactly=0)
    score.holds("effects of the first two", Outcome(product, [live, foreign]).effects, exactly=0)
    score.holds("alarms for the wrong mode", alarms(product, live), exactly=1)
    score.holds("alarms for a foreign account", alarms(product, foreign), exactly=1)
    score.holds("alarms for an unknown type", alarms(product, unknown), exactly=0)


@pytest.mark.scorecard
def test_r04_a_shape_of_another_time_is_a_dead_letter_with_an_alarm(
    product: Product, crowd: Crowd, score: Score
):
    (happened,) = crowd.payments(1, of=1)
    happened["api_version"] = "2011-01-01"
    del happened["data"]["object"]["currency"], happened["data"]["object"]["status"]
    answer = product.deliver(happened)

    outcome = Outcome(product, [happened])
    eventually(lambda: outcome.count("failed") == 1, within=90)
    score.holds("answer", answer.status_code, exactly=200)
    score.holds("effects", outcome.effects, exactly=0)
    score.holds("alarms", alarms(product, happened), exactly=1)
