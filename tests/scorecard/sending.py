"""Stripe's side of a delivery: again and again, until somebody says 2xx."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.stripe_events import sign

TIMEOUT = 20


@dataclass
class Answer:
    """`seconds` is the longest try, `refused` the answers in between that were a no."""

    status: int = 0
    seconds: float = 0.0
    tries: int = 0
    refused: list[int] = field(default_factory=list)


class Sender:
    def __init__(self, url: str, secret: Callable[[], str]) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self.host, self.port, self.secret = parts.hostname, parts.port, secret
        self.answers: list[Answer] = []

    @property
    def accepted(self) -> int:
        return len(self.answers)

    def send_all(
        self, events: Iterable[dict[str, Any]], *, at_once: int = 4, per_second: float | None = None
    ) -> list[Answer]:
        started = time.monotonic()

        def send(numbered: tuple[int, dict[str, Any]]) -> None:
            number, happened = numbered
            if per_second:
                time.sleep(max(0.0, started + number / per_second - time.monotonic()))
            self.send(happened)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(send, enumerate(events)))
        return self.answers

    def send(self, happened: dict[str, Any], *, within: float = 60) -> Answer:
        body, answer = json.dumps(happened), Answer()
        deadline = time.monotonic() + within
        while not 200 <= answer.status < 300:
            assert time.monotonic() < deadline, f"{happened['id']} was not taken: {answer}"
            if answer.tries:
                time.sleep(0.05)
            started = time.monotonic()
            answer.status = self.post(body, sign(body, secret=self.secret()))
            answer.tries += 1
            answer.seconds = max(answer.seconds, time.monotonic() - started)
            if answer.status >= 300:
                answer.refused.append(answer.status)
        self.answers.append(answer)
        return answer

    def post(self, body: str, signature: str) -> int:
        """The status; 0 where the connection broke."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        try:
            connection.request("POST", "/webhooks/stripe", body, {"Stripe-Signature": signature})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
