"""Whether somebody signs in as they did before: with the same kind of device, browser and system,
from the same network. A thief with the password seldom has all four."""

from __future__ import annotations

import ipaddress

from django.db.models import Q

from sessions_live.devices import Device
from sessions_live.models import LiveSession, User

# What one household or office has, so that a router that restarts makes nobody anxious.
PREFIXES = {4: 24, 6: 48}


def is_new_to(user: User, device: Device, ip: str | None) -> bool:
    """Never for the very first sign-in: there is nothing to compare it with."""
    seen = LiveSession.objects.filter(user=user)
    alike = seen.filter(device_type=device.type, browser=device.browser, os=device.os)
    return not alike.filter(from_near(ip)).exists() and seen.exists()


def from_near(ip: str | None) -> Q:
    near = vicinity(ip)
    if near is None:
        return Q(ip=None)
    return Q(ip__range=(str(near[0]), str(near[-1])))


def vicinity(ip: str | None) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if ip is None:
        return None
    prefix = PREFIXES[ipaddress.ip_address(ip).version]
    return ipaddress.ip_network((ip, prefix), strict=False)
