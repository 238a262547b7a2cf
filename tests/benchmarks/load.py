"""The client, a process of its own: so many connections, each with one request at a time."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from config.fingerprint import ROOT
from tests.benchmarks.events import signed_requests
from tests.benchmarks.ground import PYTHON

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
CLIENTS = 16


@dataclass
class Answered:
    requests: int
    started_at: float
    seconds: float
    client_cpu: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def client_share(self) -> float:
        """Of one core; near 1 the client would be what is measured."""
        return self.client_cpu / self.seconds


def load(port: int, path: str, *, count: int, seconds: float = 120) -> Answered:
    """Sends until `count` are answered or the time is over, in a process of its own."""
    command = [PYTHON, "-m", __spec__.name, str(port), path, str(count), str(seconds)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=2 * seconds + 60
    )
    answered = Answered(**json.loads(done.stdout))
    if set(answered.statuses) != {"200"}:
        raise SystemExit(f"A door that refuses measures nothing: {answered.statuses} on {path}")
    return answered


class Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self.requests, self.until = requests, until
        self.done = asyncio.get_running_loop().create_future()
        self.heard = b""
        self.statuses: Counter[str] = Counter()
        self.took: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.send()

    def send(self) -> None:
        request = next(self.requests, None) if time.monotonic() < self.until else None
        if request is None:
            self.done.set_result(None)
            self.transport.close()
            return
        self.sent_at = time.monotonic()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head, end, body = self.heard.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self.took.append(time.monotonic() - self.sent_at)
        self.statuses[self.heard[9:12].decode()] += 1
        self.heard = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


async def drive(
    port: int, requests: list[bytes], seconds: float, clients_at_once: int = CLIENTS
) -> Answered:
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    started_at, started, cpu = time.time(), time.monotonic(), time.process_time()
    clients: list[Client] = []
    for _ in range(clients_at_once):
        _, client = await loop.create_connection(
            lambda: Client(waiting, started + seconds), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    spent, cpu = time.monotonic() - started, time.process_time() - cpu
    took = sorted(each for client in clients for each in client.took)
    return Answered(
        requests=len(took),
        started_at=started_at,
        seconds=spent,
        client_cpu=cpu,
        statuses=dict(sum((client.statuses for client in clients), Counter())),
        p50_ms=1000 * took[len(took) // 2],
        p99_ms=1000 * took[len(took) * 99 // 100],
    )


def main() -> None:
    port, path, count, seconds = sys.argv[1:]
    requests = signed_requests(path, int(count))
    answered = uvloop.run(drive(int(port), requests, float(seconds)))
    print(json.dumps(asdict(answered)))


if __name__ == "__main__":
    main()
