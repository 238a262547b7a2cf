"""Credentials in texts that are kept: people put them into addresses and names, where they do not
belong."""

from __future__ import annotations

import re

# Keys of ours and of the providers, whole or long enough to matter, and the tokens of sign-ins.
CREDENTIAL = re.compile(
    r"(?<![A-Za-z])(?:sk|rk|pk|whsec|pdl)_[A-Za-z0-9_]{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}",
    re.ASCII,
)


def without_credentials(text: str) -> str:
    return CREDENTIAL.sub("…", text)
