from __future__ import annotations

from typing import Any

import pytest

from sessions_live import places

BERLIN = {
    "city": {"names": {"en": "Berlin", "de": "Berlin"}},
    "country": {"names": {"en": "Germany"}},
}


class Atlas:
    """What a MaxMind file answers; the real ones may not be handed on."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.get = known.get


@pytest.mark.parametrize(
    ("found", "place"),
    [
        (BERLIN, "Berlin, Germany"),
        ({"country": BERLIN["country"]}, "Germany"),
        ({"continent": {"code": "EU"}}, "Unknown"),
        (None, "Unknown"),
    ],
)
def test_a_place_is_named_as_far_as_the_file_knows(monkeypatch, settings, found, place):
    monkeypatch.setattr(places, "_atlas", lambda path: Atlas({"203.0.113.7": found}))
    assert places.locate("203.0.113.7") == place


def test_without_a_file_or_an_address_the_place_is_unknown():
    assert places.locate("203.0.113.7") == "Unknown"
    assert places.locate(None) == "Unknown"
