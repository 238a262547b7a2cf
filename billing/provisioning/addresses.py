"""Which machines may be told. Whoever sets a URL must not reach what only this machine can reach.

The name is looked up once, and the connection goes to the very address that was judged: a name that
answers differently the second time is never asked a second time.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
# Addresses that carry an IPv4 address to somewhere else: what they reach cannot be told from them.
TUNNELS = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)


class Refused(Exception):
    """Not a place to send anything to."""


def parse(url: str, *, loopback: bool) -> SplitResult:
    """Raises Refused. Plain HTTP is for this very machine, where that is allowed at all."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("the URL cannot be read") from None
    if not parts.hostname or parts.scheme not in ("https", "http") or port == 0:
        raise Refused("the URL is not one of https")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused("the URL has a password or a fragment")
    if parts.scheme == "http" and not (loopback and parts.hostname in LOOPBACK_NAMES):
        raise Refused("the URL is not https")
    return parts


def vetted(host: str, port: int, *, loopback: bool) -> list[Address]:
    """The addresses of a name, all of them public. Raises Refused, OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if not is_allowed(address, loopback=loopback):
            raise Refused(f"{address} is not a public address")
    return addresses


def is_allowed(address: Address, *, loopback: bool) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_allowed(address.ipv4_mapped, loopback=loopback)
        if loopback and address.is_loopback:
            return True
        if address.is_site_local or any(address in network for network in TUNNELS):
            return False
    if address.is_loopback:
        return loopback
    return address.is_global and not address.is_multicast and not address.is_reserved
