"""The whole product as its users get it: the process tree of `manage.py demo`, from outside."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from websockets.sync.client import ClientConnection, connect

from config.embedded import free_port
from config.env import Environment
from tests.stand_in import ROOT, StandIn
from tests.stripe_events import sign
from tests.waiting import eventually

CATALOG = ROOT / "tests" / "journeys" / "shop.toml"
numbers = itertools.count(1)


class Product:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = self._start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready:"), (folder / "err").read_text()
        self.url: str = self.card["base_url"]
        self.secret: str = self.card["stripe_webhook_secret"]
        self.stripe = StandIn(self.card["sandbox_url"], self.card["stripe_secret_key"])
        self.http = caller(self.url)

    def _start(self) -> subprocess.Popen[str]:
        command = [
            *(sys.executable, "manage.py", "demo", "--no-seed", "--no-fsync"),
            *("--port", str(free_port()), "--sandbox-port", str(free_port())),
            *("--data-dir", str(self.folder), "--catalog", str(CATALOG)),
            *("--web-workers", "2", "--workers", "2"),
        ]
        with (self.folder / "err").open("w") as err:
            return subprocess.Popen(
                command, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, stderr=err, text=True
            )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    @property
    def card(self) -> dict[str, Any]:
        """Read anew each time: a process that died has another number now."""
        card: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return card

    # --- processes --------------------------------------------------------------------------------

    def pids(self, role: str) -> list[int]:
        named = self.card["pids"][role]
        return named if isinstance(named, list) else [named]

    def memory(self, role: str) -> int:
        """Resident, in KiB, of all processes of this role."""
        return sum(map(resident, self.pids(role)))

    def signal(self, role: str, number: signal.Signals) -> list[int]:
        pids = self.pids(role)
        for pid in pids:
            os.kill(pid, number)
        return pids

    def kill(self, role: str) -> list[int]:
        return self.signal(role, signal.SIGKILL)

    def wait_until_replaced(self, role: str, dead: list[int]) -> None:
        eventually(lambda: not set(dead) & set(self.pids(role)), within=60)

    def wait_until_ready(self) -> None:
        eventually(lambda: self.http.get("/readyz").status_code == 200, within=90)

    def manage(self, *arguments: str) -> str:
        env = surroundings() | self.card["env"]
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def logged(self, logger: str) -> list[dict[str, Any]]:
        """What all processes have said under this name, as long as their logs reach back."""
        lines = itertools.chain.from_iterable(
            file.read_text(errors="replace").splitlines()
            for file in Path(self.card["log_dir"]).glob("w*.log")
        )
        said = [json.loads(line) for line in lines if f'"{logger}"' in line]
        return [line for line in said if line["logger"] == logger]

    # --- rows -------------------------------------------------------------------------------------

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        # Anew each time: some tests kill PostgreSQL, and a kept connection would die with it.
        with psycopg.connect(self.card["database_url"], autocommit=True) as database:
            return database.execute(query.encode(), parameters).fetchall()

    def value(self, query: str, *parameters: Any) -> Any:
        return self.rows(query, *parameters)[0][0]

    # --- events -----------------------------------------------------------------------------------

    def deliver(self, happened: dict[str, Any], **headers: str) -> httpx.Response:
        body = json.dumps(happened)
        signed = {"Stripe-Signature": sign(body, secret=self.secret), **headers}
        return self.http.post("/webhooks/stripe", content=body, headers=signed)

    # --- people -----------------------------------------------------------------------------------

    def person(self) -> Person:
        email = f"person{next(numbers)}@journey.example"
        account = {"email": email, "password": "correct horse battery"}
        registered = self.http.post("/api/v1/auth/register", json=account)
        assert registered.status_code == 201, registered.text
        return self.sign_in(**account)

    def sign_in(self, email: str, password: str = "demo") -> Person:
        answer = self.http.post("/api/v1/auth/token", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return Person(self, email, answer.json()["access"])


class Person:
    def __init__(self, product: Product, email: str, access: str) -> None:
        self.product, self.email, self.access = product, email, access
        self.http = caller(product.url, Authorization=f"Bearer {access}")
        self.mine: dict[str, str] = {}
        self.looked_at = 0

    def get(self, path: str) -> Any:
        answer = self.http.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(f"/api/v1/{path}", json=body)

    def checkout(self, tier: str = "pro", **body: Any) -> str:
        answer = self.post("checkout-sessions", tier=tier, **body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_id"])

    def look_back(self, session_id: str) -> Any:
        """What the return page does."""
        return self.get(f"checkout-sessions/{session_id}")

    def holdings(self) -> tuple[Any, ...]:
        """What the API says that one has."""
        paid = [(each["status"], each["amount"]) for each in self.get("payments")["results"]]
        subscription, right = self.get("subscription"), self.get("entitlements")
        return (
            paid,
            (subscription["status"], subscription["tier"]),
            (right["tier"], right["access"]),
        )

    def has(self) -> tuple[int, int, int]:
        """Rows: payments, subscriptions, entitlements."""
        tables = ("billing_payment", "billing_subscription", "billing_entitlement")
        whose = "JOIN sessions_live_user u ON u.id = user_id WHERE u.email = %s"
        counts = [
            self.product.value(f"SELECT count(*) FROM {t} {whose}", self.email) for t in tables
        ]
        return (counts[0], counts[1], counts[2])

    @property
    def customer(self) -> str:
        query = (
            "SELECT provider_id FROM billing_customer c JOIN sessions_live_user u"
            " ON u.id = c.user_id WHERE u.email = %s"
        )
        return str(self.product.value(query, self.email))

    def unheard(self) -> list[str]:
        """Events about this person that did not take their effects yet."""
        told, customer = self.product.stripe.told(), self.customer
        for event_id, text in told[self.looked_at :]:
            if customer in text:
                self.mine[event_id] = json.loads(text)["type"]
        self.looked_at = len(told)
        query = (
            "SELECT event_id FROM audit_inbox"
            " WHERE event_id = ANY(%s) AND status IN ('processed', 'ignored')"
        )
        heard = {row[0] for row in self.product.rows(query, list(self.mine))}
        return [f"{kind} {id_}" for id_, kind in self.mine.items() if id_ not in heard]

    def wait_until_all_is_heard(self, *, within: float = 20) -> None:
        eventually(lambda: not self.unheard(), within=within)

    @contextmanager
    def socket(self) -> Iterator[ClientConnection]:
        url = f"ws{self.product.url.removeprefix('http')}/ws/payments"
        with connect(url, subprotocols=["bearer", self.access], proxy=None) as socket:  # type: ignore[list-item]
            yield socket


def resident(pid: int) -> int:
    """In KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def caller(url: str, **headers: str) -> httpx.Client:
    """Without kept connections, which would tell of a killed process only at the next request."""
    one_by_one = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(
        base_url=url, headers=headers, timeout=20, limits=one_by_one, trust_env=False
    )


def surroundings() -> dict[str, str]:
    """None of the environment that the tests themselves run in; and no limit on the cast."""
    ours = {name.upper() for name in Environment.model_fields} | {"DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    many = {"REGISTRATIONS_PER_MINUTE": "10000", "SIGN_INS_PER_MINUTE": "10000"}
    return {**kept, **many, "ENV_FILE": ""}
