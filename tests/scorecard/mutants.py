"""Deliveries that are not Stripe's word, or not for us, each wrong in one way of its own."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.webhooks.signing import signature
from tests.scorecard.volley import post
from tests.stripe_events import event, payment_intent

Header = tuple[bytes, bytes]
MEGABYTE = 1_000_000


@dataclass
class Draft:
    """A delivery in the making; each mutation spoils something that was right."""

    secret: str
    chance: random.Random
    happened: dict[str, Any]
    body: bytes = b""
    headers: list[Header] = field(default_factory=list)
    path: bytes = b"/webhooks/stripe"
    length: bytes | None = None

    def __post_init__(self) -> None:
        self.body = json.dumps(self.happened).encode()

    def signature(self, body: bytes | None = None, **how: Any) -> bytes:
        secret, at = how.get("secret", self.secret), how.get("at", now())
        return signature(self.body if body is None else body, secret, at).encode()

    def signed(self, value: bytes | None = None) -> None:
        header = self.signature() if value is None else value
        self.headers.append((b"Stripe-Signature", header))

    def request(self) -> bytes:
        framed = any(name == b"Transfer-Encoding" for name, _ in self.headers)
        if not framed or self.length is not None:
            length = self.length or str(len(self.body)).encode()
            self.headers.append((b"Content-Length", length))
        return post(self.body, self.headers, self.path)


Mutation = Callable[[Draft], None]
now = lambda: int(time.time())  # noqa: E731


def with_signature(make: Callable[[Draft], bytes | None]) -> Mutation:
    def mutate(draft: Draft) -> None:
        value = make(draft)
        if value is not None:
            draft.signed(value)

    return mutate


def with_body(make: Callable[[Draft], bytes], *, re_signed: bool = False) -> Mutation:
    """Changed after it was signed; or signed as it is, and no event of ours."""

    def mutate(draft: Draft) -> None:
        before = draft.signature()
        draft.body = make(draft)
        draft.signed(draft.signature() if re_signed else before)

    return mutate


def with_headers(*extra: Header, secret: str | None = None) -> Mutation:
    """A wrong signature that a header is to make right."""

    def mutate(draft: Draft) -> None:
        draft.signed(draft.signature(secret=secret or "whsec_of_the_attacker_0123456789"))
        draft.headers += extra

    return mutate


def with_envelope(**fields: Any) -> Mutation:
    return with_body(lambda d: json.dumps(d.happened | fields).encode(), re_signed=True)


def flipped(draft: Draft) -> bytes:
    at = draft.chance.randrange(len(draft.body))
    changed = bytes([draft.body[at] ^ (1 << draft.chance.randrange(7))])
    return draft.body[:at] + changed + draft.body[at + 1 :]


def one_digit_changed(draft: Draft) -> bytes:
    right = draft.signature()
    at = draft.chance.randrange(len(right) - 64, len(right))
    other = b"1" if right[at : at + 1] == b"0" else b"0"
    return right[:at] + other + right[at + 1 :]


def other_time(draft: Draft) -> bytes:
    stamp, _, rest = draft.signature().partition(b",")
    return stamp[:-1] + str((int(stamp[-1:]) + 1) % 10).encode() + b"," + rest


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def chunked_and_changed(draft: Draft) -> None:
    draft.signed()
    draft.headers.append((b"Transfer-Encoding", b"chunked"))
    draft.body = chunked(flipped(draft), draft.chance.choice([1, 7, 1000]))


def chunked_without_length(draft: Draft) -> None:
    """All of it is right, but nobody says how much that is."""
    draft.signed()
    draft.headers.append((b"Transfer-Encoding", b"chunked"))
    draft.body = chunked(draft.body, 1000)


def chunked_without_end(draft: Draft) -> None:
    draft.signed()
    draft.headers.append((b"Transfer-Encoding", b"chunked"))
    draft.body = b"%x\r\n" % (len(draft.body) + 9) + draft.body


def chunked_nonsense(draft: Draft) -> None:
    draft.signed()
    draft.headers.append((b"Transfer-Encoding", b"chunked"))
    draft.body = b"zz\r\n" + draft.body


def chunked_and_huge(draft: Draft) -> None:
    draft.signed()
    draft.headers.append((b"Transfer-Encoding", b"chunked"))
    draft.body = chunked(draft.body + b" " * 5 * MEGABYTE, 65536)


def framed_twice(draft: Draft) -> None:
    draft.signed()
    draft.length = b"4"
    draft.headers.append((b"Transfer-Encoding", b"chunked"))
    draft.body = b"0\r\n\r\n" + draft.body


def claimed_length(length: Callable[[Draft], bytes]) -> Mutation:
    def mutate(draft: Draft) -> None:
        draft.signed()
        draft.length = length(draft)

    return mutate


def elsewhere(path: bytes) -> Mutation:
    def mutate(draft: Draft) -> None:
        draft.signed()
        draft.path = path

    return mutate


def gzipped(draft: Draft) -> None:
    draft.signed()
    draft.headers.append((b"Content-Encoding", b"gzip"))
    draft.body = gzip.compress(draft.body)


def bomb(draft: Draft) -> None:
    draft.signed()
    draft.headers.append((b"Content-Encoding", b"gzip"))
    draft.body = gzip.compress(b" " * 50 * MEGABYTE)[: 4 * MEGABYTE]


MUTATIONS: dict[str, Mutation] = {
    "no signature": with_signature(lambda d: None),
    "empty signature": with_signature(lambda d: b""),
    "garbage signature": with_signature(lambda d: d.chance.randbytes(60).hex().encode()),
    "binary signature": with_signature(lambda d: bytes(range(128, 255))),
    "NUL in the signature": with_signature(lambda d: d.signature() + b"\0"),
    "endless signature": with_signature(lambda d: b"t=1," + b"v1=00," * 9000),
    "signature cut short": with_signature(lambda d: d.signature()[: -d.chance.randrange(1, 64)]),
    "one digit of the signature changed": with_signature(one_digit_changed),
    "old scheme": with_signature(lambda d: d.signature().replace(b"v1=", b"v0=")),
    "another time": with_signature(other_time),
    "301 s old": with_signature(lambda d: d.signature(at=now() - 302)),
    "301 s in the future": with_signature(lambda d: d.signature(at=now() + 310)),
    "a day old": with_signature(lambda d: d.signature(at=now() - 86400)),
    "a day in the future": with_signature(lambda d: d.signature(at=now() + 86400)),
    "no time": with_signature(lambda d: d.signature().partition(b",")[2]),
    "two times": with_signature(lambda d: d.signature() + b",t=%d" % now()),
    "time before": with_signature(lambda d: b"t=1," + d.signature()),
    "time is no number": with_signature(lambda d: b"t=now," + d.signature().partition(b",")[2]),
    "endless time": with_signature(lambda d: b"t=" + b"9" * 5000 + b",v1=00"),
    "empty secret": with_signature(lambda d: d.signature(secret="")),
    "another secret": with_signature(lambda d: d.signature(secret=f"whsec_{d.chance.random()}")),
    "signature of another body": with_signature(lambda d: d.signature(b"{}")),
    "a byte of the body changed": with_body(flipped),
    "body cut short": with_body(lambda d: d.body[: -d.chance.randrange(1, 200)]),
    "body with a space more": with_body(lambda d: d.body + b" "),
    "body with a NUL more": with_body(lambda d: d.body + b"\0"),
    "body with a byte order mark": with_body(lambda d: b"\xef\xbb\xbf" + d.body),
    "body written anew": with_body(lambda d: json.dumps(d.happened, indent=2).encode()),
    "body in UTF-16": with_body(lambda d: d.body.decode().encode("utf-16")),
    "another amount": with_body(lambda d: d.body.replace(b"1900", b"9900")),
    "a key twice": with_body(lambda d: d.body[:-1] + b', "livemode": true}'),
    "no body": with_body(lambda d: b""),
    "5 MB": with_body(lambda d: d.body + b" " * 5 * MEGABYTE),
    "5 MB, signed": with_body(lambda d: d.body + b" " * 5 * MEGABYTE, re_signed=True),
    "signed bad UTF-8": with_body(lambda d: d.body[:-1] + b', "a": "\xff\xfe"}', re_signed=True),
    "signed nothing": with_body(lambda d: b"", re_signed=True),
    "signed list": with_body(lambda d: b"[" + d.body + b"]", re_signed=True),
    "signed depth": with_body(lambda d: b"[" * 100_000, re_signed=True),
    "signed gzip": with_body(lambda d: gzip.compress(d.body), re_signed=True),
    "live event": with_envelope(livemode=True),
    "event without a mode": with_envelope(livemode=None),
    "stranger's account": with_envelope(account="acct_stranger"),
    "no event": with_envelope(object="charge"),
    "id is a number": with_envelope(id=7),
    "id is too long": with_envelope(id="evt_" + "x" * 300),
    "id with a NUL": with_envelope(id="evt_\0"),
    "id with half a letter": with_envelope(id="evt_\ud800"),
    "type with half a letter": with_envelope(type="ping\udfff"),
    "type is a list": with_envelope(type=["ping"]),
    "dj-stripe's debug header": with_headers(
        (b"X-DJStripe-Webhook-Secret", b"whsec_of_the_attacker_0123456789")
    ),
    "garbage address": with_headers((b"X-Forwarded-For", b"not-an-ip, ::1, \xff")),
    "garbage host": with_headers((b"X-Forwarded-Host", b"evil.example"), (b"Forwarded", b"for=;")),
    "garbage request id": with_headers((b"X-Request-ID", b"a\tb" + b"c" * 4000)),
    "signed twice, wrong first": with_headers((b"Stripe-Signature", b"t=1,v1=00")),
    "another method in a header": with_headers((b"X-HTTP-Method-Override", b"PUT")),
    "expecting a go-ahead": with_headers((b"Expect", b"100-continue")),
    "chunks": chunked_without_length,
    "chunks, changed": chunked_and_changed,
    "chunks without end": chunked_without_end,
    "chunks of nonsense": chunked_nonsense,
    "chunks, 5 MB": chunked_and_huge,
    "length and chunks": framed_twice,
    "length too small": claimed_length(lambda d: str(len(d.body) - 9).encode()),
    "length too great": claimed_length(lambda d: str(len(d.body) + 9).encode()),
    "length below nothing": claimed_length(lambda d: b"-5"),
    "length is no number": claimed_length(lambda d: b"ten"),
    "length beyond counting": claimed_length(lambda d: b"9" * 30),
    "gzip after signing": gzipped,
    "gzip bomb": bomb,
    "dj-stripe's own address": elsewhere(b"/stripe/webhook/00000000-0000-4000-8000-000000000000"),
    "a provider that is not there": elsewhere(b"/webhooks/paypal"),
    "path with a NUL": elsewhere(b"/webhooks/stripe%00"),
    "path in bad UTF-8": elsewhere(b"/webhooks/stripe%ff"),
    "bytes in the query": elsewhere(b"/webhooks/paypal?\xff"),
    "path in capitals": elsewhere(b"/WEBHOOKS/STRIPE"),
}


def mutants(number: int, *, secret: str, customer: str, seed: int) -> Iterator[tuple[str, bytes]]:
    """Every kind in turn, each about a payment that would count if it were accepted."""
    chance = random.Random(seed)
    kinds = list(MUTATIONS)
    for count in range(number):
        kind = kinds[count % len(kinds)]
        intent = payment_intent(customer=customer)
        happened = event("payment_intent.succeeded", intent, id=f"evt_mutant_{count}")
        draft = Draft(secret, chance, happened)
        MUTATIONS[kind](draft)
        yield kind, draft.request()
