"""The sandbox as the tests see it: a real process, spoken to over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent


class StandIn:
    """Stripe's stand-in, whoever runs it."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=20)
        self.stripe = httpx.Client(base_url=url, timeout=20, auth=(key, ""))
        self._told: list[tuple[str, str]] = []
        self._asking = threading.Lock()

    def control(self, path: str, **body: Any) -> httpx.Response:
        """A control call; the answer is the caller's to judge."""
        if path == "reset":
            self._told.clear()
        return self.http.post(f"/_sandbox/{path}", json=body)

    def pay(self, session_id: str, card: str = "4242424242424242", **body: Any) -> httpx.Response:
        return self.control(f"checkout/{session_id}/complete", card=card, **body)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.stripe.get(f"/v1/{path}", params=params)
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    def events(self) -> list[dict[str, Any]]:
        """All that happened since the last reset, in the order of happening."""
        return [json.loads(text) for _, text in self.told()]

    def told(self) -> list[tuple[str, str]]:
        """The events by id, each as a text. What has happened stays as it was, and only what is new
        is asked for: by the end of a run there are thousands."""
        with self._asking:
            more = True
            while more and self._told:
                page = self.get("events", limit=100, ending_before=self._told[-1][0])
                self._keep(page["data"])
                more = page["has_more"]
            if not self._told:
                self._keep(self._all_events())
            return list(self._told)

    def _keep(self, newest_first: list[dict[str, Any]]) -> None:
        self._told += [(each["id"], json.dumps(each)) for each in reversed(newest_first)]

    def _all_events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = self.get("events", limit=100)
        while True:
            found += page["data"]
            if not page["has_more"]:
                return found
            page = self.get("events", limit=100, starting_after=found[-1]["id"])

    def requests(self) -> list[dict[str, Any]]:
        answer: Any = self.http.get("/_sandbox/requests").json()
        listed: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["data"]
        return listed


class OwnStandIn(StandIn):
    """Run by the tests themselves, on the port that STRIPE_API_BASE names."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key)
        port = str(urlsplit(url).port)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", port],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("sandbox ready"), line

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
