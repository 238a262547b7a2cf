"""Merging metadata: an empty value removes a key, an empty whole removes all."""

from typing import Any


def merged(old: dict[str, str], new: Any) -> dict[str, str]:
    if new is None:
        return old
    if new == "":
        return {}
    both = {**old, **new}
    return {key: value for key, value in both.items() if value != ""}
