"""Where an address is, from a MaxMind file on this machine; no address is ever sent elsewhere."""

from __future__ import annotations

import functools
from typing import Any

import maxminddb
from django.conf import settings

from sessions_live.models import UNKNOWN


def locate(address: str | None) -> str:
    """ "Berlin, Germany" as far as the file knows."""
    atlas = _atlas(settings.GEOIP_PATH)
    if address is None or atlas is None:
        return UNKNOWN
    place = atlas.get(address)
    if not isinstance(place, dict):
        return UNKNOWN
    return ", ".join(filter(None, (_name(place, "city"), _name(place, "country"))))[:120] or UNKNOWN


@functools.cache
def _atlas(path: str) -> maxminddb.Reader | None:
    # Mapped, not read: the processes of a machine share one copy in memory.
    return maxminddb.open_database(path) if path else None


def _name(place: dict[str, Any], kind: str) -> str:
    return str(place.get(kind, {}).get("names", {}).get("en", ""))
