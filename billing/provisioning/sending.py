"""One POST to the receiver. Says what came of it; writes nothing."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult

from django.conf import settings
from standardwebhooks import Webhook

from billing.provisioning import addresses

# Of each step, and of all together: a receiver that answers by drips must not hold a worker.
STEP_SECONDS = 5.0
TOTAL_SECONDS = 10.0
EXCERPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    status_code: int | None = None
    error: str = ""
    excerpt: str = ""
    latency_ms: int = 0

    @property
    def delivered(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


def send(message_id: str, body: str, at: datetime) -> Outcome:
    """Never raises for what the network or the receiver does."""
    started = time.monotonic()
    try:
        status, excerpt = _post(body.encode(), headers(message_id, body, at))
        outcome = {"status_code": status, "excerpt": excerpt, "error": _why(status)}
    except addresses.Refused as refused:
        outcome = {"error": f"Not sent: {refused}."}
    except (OSError, http.client.HTTPException, ValueError) as error:
        outcome = {"error": f"No answer: {type(error).__name__} {error}"[:300]}
    latency = int((time.monotonic() - started) * 1000)
    return Outcome(**outcome, latency_ms=latency)  # type: ignore[arg-type]


def headers(message_id: str, body: str, at: datetime) -> dict[str, str]:
    """A signature for each secret: while one is replaced by another, either one verifies."""
    signatures = [
        Webhook(secret).sign(message_id, at, body)
        for secret in settings.PROVISIONING_WEBHOOK_SECRETS
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "billing-platform",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _why(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"Answered {status}: redirects are not followed."
    return f"Answered {status}."


def _post(body: bytes, sent: Mapping[str, str]) -> tuple[int, str]:
    url = addresses.parse(
        settings.PROVISIONING_WEBHOOK_URL, loopback=settings.PROVISIONING_ALLOW_LOOPBACK
    )
    connection = _connection(url)
    # Closing the socket under a read ends it; a time-out begins anew with each byte.
    deadline = threading.Timer(TOTAL_SECONDS, connection.cut)
    deadline.daemon = True
    deadline.start()
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, body, dict(sent))
        answer = connection.getresponse()
        excerpt = answer.read(EXCERPT).decode(errors="replace").replace("\0", "")
        return answer.status, excerpt
    finally:
        deadline.cancel()
        connection.close()


class Vetted(http.client.HTTPConnection):
    """Connects to the addresses that were judged, never to a name."""

    tls: ssl.SSLContext | None = None
    # Kept beside `sock`, which http.client forgets while an answer without an end is still read.
    wire: socket.socket | None = None

    def connect(self) -> None:
        allowed = addresses.vetted(
            self.host, self.port, loopback=settings.PROVISIONING_ALLOW_LOOPBACK
        )
        self.sock = _open(allowed, self.port)
        if self.tls is not None:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.host)
        self.wire = self.sock

    def cut(self) -> None:
        if self.wire is not None:
            try:
                self.wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has gone already, which is what was wanted


def _open(allowed: list[addresses.Address], port: int) -> socket.socket:
    problem: OSError | None = None
    for address in allowed[:3]:
        try:
            return socket.create_connection((str(address), port), timeout=STEP_SECONDS)
        except OSError as error:
            problem = error
    raise problem or OSError("the name has no address")


def _connection(url: SplitResult) -> Vetted:
    secure = url.scheme == "https"
    connection = Vetted(
        url.hostname or "", url.port or (443 if secure else 80), timeout=STEP_SECONDS
    )
    if secure:
        connection.default_port = 443
        connection.tls = ssl.create_default_context()
    return connection
