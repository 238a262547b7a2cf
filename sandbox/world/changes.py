"""What changed in an object, told the way `data.previous_attributes` tells it."""

from typing import Any

# Where a part of an object is replaced as a whole, Stripe tells the whole former part.
_WHOLE = {"items", "lines", "phases"}


def previous_attributes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    previous: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and name not in _WHOLE:
            previous[name] = previous_attributes(old, new)
        else:
            previous[name] = old
    return previous
