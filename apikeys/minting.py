"""What a key looks like: `sk_`, 56 random hexadecimal digits, and the CRC-32 of all before it."""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

PREFIX_LENGTH = 20
SHAPE = re.compile(r"sk_[0-9a-f]{64}")


def mint() -> str:
    body = f"sk_{secrets.token_hex(28)}"
    return body + checksum(body)


def is_well_formed(text: str) -> bool:
    """Of a mistyped or made-up key it says so without asking anyone."""
    return SHAPE.fullmatch(text) is not None and checksum(text[:-8]) == text[-8:]


def checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def digest(secret: str) -> str:
    """What is stored. A fast hash is right: nobody can guess through 224 random bits, however
    fast they try."""
    return hashlib.sha256(secret.encode()).hexdigest()
