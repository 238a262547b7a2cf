from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.provisioning.sending import Outcome, send
from tests.billing.provisioning.conftest import SECRET
from tests.billing.provisioning.receiver import Receiver

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ELSEWHERE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
    "[2001:db8::1]",
]


@pytest.fixture
def canary(settings: Any) -> Iterator[Receiver]:
    settings.PROVISIONING_WEBHOOK_SECRETS = [SECRET]
    settings.PROVISIONING_ALLOW_LOOPBACK = False
    running = Receiver("0.0.0.0")
    yield running
    running.stop()


def sent(settings: Any, url: str) -> Outcome:
    settings.PROVISIONING_WEBHOOK_URL = url
    return send("msg_1", "{}", NOW)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_nothing_but_a_public_address_is_spoken_to(settings: Any, canary: Receiver, host: str):
    outcome = sent(settings, f"https://{host}:{canary.port}/")
    assert not outcome.delivered
    assert "is not a public address" in outcome.error or "No answer: gaierror" in outcome.error
    assert canary.seen == []


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00::1]", "2851995648"])
def test_leave_for_this_machine_is_no_leave_for_its_network(
    settings: Any, canary: Receiver, host: str
):
    settings.PROVISIONING_ALLOW_LOOPBACK = True
    assert "not a public address" in sent(settings, f"https://{host}:{canary.port}/").error


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1:{port}/",
        "https://user:password@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/#fragment",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "https://[::1",
        "https://127.0.0.1:99999/",
    ],
)
def test_only_https_urls_without_tricks_are_taken(settings: Any, canary: Receiver, url: str):
    outcome = sent(settings, url.format(port=canary.port))
    assert outcome.error.startswith("Not sent:")
    assert canary.seen == []


def test_a_name_is_asked_once_and_the_judged_address_is_spoken_to(settings: Any, canary: Receiver):
    """DNS rebinding: the second answer would be another machine."""
    settings.PROVISIONING_ALLOW_LOOPBACK = True
    other = Receiver("127.0.0.2")
    asked: list[str] = []
    real = socket.getaddrinfo

    def fickle(host: str, *rest: Any, **more: Any) -> Any:
        if host != "localhost":
            return real(host, *rest, **more)
        asked.append(host)
        return real("127.0.0.2" if len(asked) == 1 else "127.0.0.1", *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", fickle)
        outcome = sent(settings, f"http://localhost:{other.port}/")
    assert outcome.delivered
    assert (asked, len(other.seen), canary.seen) == (["localhost"], 1, [])
    other.stop()


def test_one_private_address_among_public_ones_spoils_the_name(settings: Any, canary: Receiver):
    def two(host: str, port: int, **more: Any) -> Any:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("93.184.215.14", port)), (*kind, ("127.0.0.1", port))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", two)
        outcome = sent(settings, f"https://receiver.example:{canary.port}/")
    assert outcome.error == "Not sent: 127.0.0.1 is not a public address."
    assert canary.seen == []


def test_a_redirect_inwards_is_not_followed(settings: Any, canary: Receiver):
    settings.PROVISIONING_ALLOW_LOOPBACK = True
    honest = Receiver()
    honest.answers = [f"http://127.0.0.1:{canary.port}/admin"]
    outcome = sent(settings, honest.url)
    assert outcome.error == "Answered 302: redirects are not followed."
    assert canary.seen == []
    honest.stop()
