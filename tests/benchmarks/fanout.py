"""The crowd, a process of its own: everybody of one person, each of whom tells all when active."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import uvloop

from config.fingerprint import ROOT

# Told but not yet heard by everybody: enough to keep a server busy.
WINDOW = 4
# Of which the arrival is timed one by one; the others only count, which costs the crowd less.
TIMED = 40
QUIET_SECONDS = 1.5
STEADY_SECONDS = 5.0


@dataclass
class Heard:
    sockets: int
    memory_per_socket: float
    deliveries: float
    busy_p99_ms: float
    steady_p50_ms: float
    steady_p99_ms: float
    missed: int
    client_share: float
    server_cpu_us: float


class Manners:
    """How to speak with ours."""

    path = "/ws/sessions"
    mark = b'{"type":"session_update","session":{"id":"'
    welcome = b'{"type":"session_update","sessions":['
    activity = b'{"type":"update_activity"}'

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = list(tokens)

    def protocol(self, number: int) -> str:
        return f"Sec-WebSocket-Protocol: bearer, {self.tokens[number]}\r\n"

    def joining(self, frame: bytes) -> bytes | None:
        """What to answer on the way in; nothing when one is in."""
        return None


class SocketIO(Manners):
    path = "/socket.io/?EIO=4&transport=websocket"
    mark = b'42["session_update",{"sessionId":"'
    welcome = b'42["session_update",['
    activity = b'42["update_activity",{"userId":"1","timestamp":1}]'

    def protocol(self, number: int) -> str:
        return ""

    def joining(self, frame: bytes) -> bytes | None:
        if frame.startswith(b"0{"):
            return b"40"
        if frame.startswith(b"40{"):
            return b'42["join_session_room",{"userId":"1"}]'
        return b"3" if frame == b"2" else None


class Member(asyncio.Protocol):
    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd, self.number = crowd, number
        self.waiting = b""
        self.is_open = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        manners = self.crowd.manners
        transport.write(
            f"GET {manners.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"{manners.protocol(self.number)}\r\n".encode()
        )

    def say(self, payload: bytes) -> None:
        self.transport.write(bytes((0x81, 0x80 | len(payload))) + b"\0\0\0\0" + payload)

    def data_received(self, data: bytes) -> None:
        data = self.waiting + data if self.waiting else data
        if not self.is_open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.waiting = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.is_open = True
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length > 125:
                start += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : start], "big")
            if size < start + length:
                break
            self.hear(data[at] & 0x0F, data, start, start + length)
            at = start + length
        self.waiting = data[at:]

    def hear(self, opcode: int, data: bytes, start: int, end: int) -> None:
        crowd = self.crowd
        if opcode == 9:
            payload = data[start:end]
            self.transport.write(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
            return
        crowd.last_heard = time.monotonic()
        if data.startswith(crowd.manners.mark, start):
            if crowd.counting:
                crowd.note(self, data, start)
        elif data.startswith(crowd.manners.welcome, start):
            crowd.joined += 1
        elif answer := crowd.manners.joining(data[start:end]):
            self.say(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.crowd.lost += 1


class Crowd:
    def __init__(self, manners: Manners, number: int) -> None:
        self.manners, self.number = manners, number
        self.members: list[Member] = []
        self.counting = False
        self.last_heard = time.monotonic()
        self.lost = self.joined = self.deliveries = self.next_speaker = 0
        # Nobody can tell whose news it is before the first: told and heard are in one order.
        self.arrived: list[list[int]] = []
        self.timed_each = max(1, number // TIMED)
        self.heard_by = [0] * number
        self.told_at: list[float] = []
        self.took: list[float] = []
        self.all_heard = asyncio.Event()

    async def gather(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for number in range(self.number):
            member = Member(self, number)
            await loop.create_connection(partial(Crowd.itself, member), "127.0.0.1", port)
            self.members.append(member)
            if number % 50 == 0:
                await asyncio.sleep(0.01)
        while self.joined < self.number:
            await asyncio.sleep(0.1)
        await self.quiet()

    @staticmethod
    def itself(member: Member) -> Member:
        return member

    async def quiet(self) -> None:
        while time.monotonic() - self.last_heard < QUIET_SECONDS:
            await asyncio.sleep(0.1)

    def speak(self) -> None:
        self.next_speaker = (self.next_speaker + 7) % self.number
        self.arrived.append([0])
        self.told_at.append(time.monotonic())
        self.members[self.next_speaker].say(self.manners.activity)

    def note(self, member: Member, data: bytes, start: int) -> None:
        # The n-th that a member hears is the n-th that was told, but for those in one window.
        turn = self.heard_by[member.number]
        self.heard_by[member.number] = turn + 1
        self.deliveries += 1
        if member.number % self.timed_each == 0:
            self.took.append(time.monotonic() - self.told_at[turn])
        round_ = self.arrived[turn]
        round_[0] += 1
        if round_[0] == self.number:
            self.all_heard.set()

    def reset(self) -> None:
        self.deliveries = 0
        self.heard_by = [0] * self.number
        self.told_at, self.arrived, self.took = [], [], []
        self.counting = True

    async def be_busy(self, seconds: float) -> tuple[float, float]:
        """Deliveries a second, and how long the slowest hundredth took, in milliseconds."""
        self.reset()
        began, complete = time.monotonic(), 0
        for _ in range(WINDOW):
            self.speak()
        while time.monotonic() - began < seconds:
            self.all_heard.clear()
            await asyncio.wait_for(self.all_heard.wait(), 20)
            done = sum(1 for each in self.arrived[complete:] if each[0] == self.number)
            complete += done
            for _ in range(done):
                self.speak()
        spent = time.monotonic() - began
        rate = self.deliveries / spent
        await self.quiet()
        return rate, 1000 * percentile(self.took, 0.99)

    async def be_steady(self, per_second: float) -> tuple[float, float, int]:
        """Median and slowest hundredth in milliseconds, and what never arrived."""
        self.reset()
        loop, began = asyncio.get_running_loop(), time.monotonic()
        rounds = int(per_second * STEADY_SECONDS)
        for number in range(rounds):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            self.speak()
        assert loop.is_running()
        await self.quiet()
        missed = rounds * self.number - self.deliveries
        return 1000 * percentile(self.took, 0.5), 1000 * percentile(self.took, 0.99), missed


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def memory(pid: int) -> int:
    """Resident, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def cpu(pid: int) -> float:
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


async def measure(manners: Manners, port: int, number: int, seconds: float, pid: int) -> Heard:
    before = memory(pid)
    crowd = Crowd(manners, number)
    await crowd.gather(port)
    per_socket = (memory(pid) - before) / number
    server, client, began = cpu(pid), time.process_time(), time.monotonic()
    rate, busy = await crowd.be_busy(seconds)
    share = (time.process_time() - client) / (time.monotonic() - began)
    each = 1e6 * (cpu(pid) - server) / max(1, crowd.deliveries)
    # A load that both sides bear, the same for both.
    p50, p99, missed = await crowd.be_steady(10_000 / number)
    assert not crowd.lost, f"{crowd.lost} connections were lost"
    for member in crowd.members:
        member.transport.abort()
    return Heard(number, per_socket, rate, busy, p50, p99, missed, share, each)


def crowd_of(kind: str, port: int, number: int, seconds: float, pid: int, tokens: Path) -> Heard:
    """Measured in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, kind, *map(str, (port, number, seconds, pid))]
    done = subprocess.run([*command, str(tokens)], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Heard(**json.loads(done.stdout))


def main() -> None:
    kind, port, number, seconds, pid, tokens = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    side = Manners if kind == "ours" else SocketIO
    manners = side(json.loads(Path(tokens).read_text()))
    heard = uvloop.run(measure(manners, int(port), int(number), float(seconds), int(pid)))
    print(json.dumps(asdict(heard)))


if __name__ == "__main__":
    main()
