from __future__ import annotations

import json

import pytest

from tests.product import Product
from tests.scorecard.conftest import Score
from tests.scorecard.crowd import Crowd, Outcome
from tests.scorecard.sending import percentile
from tests.scorecard.volley import post, volley
from tests.stripe_events import sign
from tests.waiting import eventually


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.scorecard)])
def test_r01_an_event_sent_two_hundred_times_at_once_takes_effect_once(
    product: Product, crowd: Crowd, score: Score, rounds: int
):
    events = crowd.payments(rounds, of=1)
    shots = []
    for happened in events:
        body = json.dumps(happened)
        headers = [
            (b"Stripe-Signature", sign(body, secret=product.secret).encode()),
            (b"Content-Length", str(len(body)).encode()),
        ]
        shots += volley(product.url, post(body.encode(), headers), copies=200)

    outcome = Outcome(product, events)
    eventually(lambda: outcome.count("processed") == rounds, within=15)
    accepted = sum(200 <= shot.status < 300 for shot in shots)
    score.holds("deliveries answered 2xx", accepted, exactly=200 * rounds)
    score.holds("rows in the inbox", outcome.count(), exactly=rounds)
    score.holds("events taken once", outcome.taken_once, exactly=rounds)
    score.holds("effects", outcome.effects, exactly=rounds)
    score.holds("p95 of an answer, s", percentile([s.seconds for s in shots], 0.95), at_most=1.0)
