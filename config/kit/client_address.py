"""Whose request this is, by network address: only proxies that we trust may speak for another."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings


def client_address(meta: Mapping[str, Any]) -> str | None:
    """From a WSGI environment; `None` if nothing is known."""
    return trusted_address(meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""))


def trusted_address(peer: str, forwarded_for: str) -> str | None:
    """Each trusted proxy appended the address it saw; what stands left of those is a claim."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    claimed = hops[-trusted:][0] if trusted and hops else peer
    return _valid(claimed) or _valid(peer)


def network(address: str | None) -> str:
    """What one subscriber holds: a limit by single IPv6 address would limit nobody."""
    if address is None:
        return "unknown"
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((address, 64), strict=False))


def _valid(text: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    # A zone ("fe80::1%eth0") means something on this machine only, and PostgreSQL refuses it.
    return str(parsed).partition("%")[0]
