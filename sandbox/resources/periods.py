"""When a billing period ends."""

from typing import Any

from .discounts import months_later

DAY = 24 * 3600


def later(at: int, recurring: dict[str, Any], times: int = 1) -> int:
    """So many intervals later; a month ends on its last day where it is too short."""
    count = recurring["interval_count"] * times
    if recurring["interval"] == "year":
        return months_later(at, 12 * count)
    if recurring["interval"] == "month":
        return months_later(at, count)
    return at + count * DAY * (7 if recurring["interval"] == "week" else 1)


def end_after(anchor: int, recurring: dict[str, Any], at: int) -> int:
    """The first end of a period after an instant, counted from the anchor.

    Counting from the anchor and not from the last end keeps the 31st the 31st after February.
    """
    if anchor > at:
        times = 0
        while later(anchor, recurring, times - 1) > at:
            times -= 1
        return later(anchor, recurring, times)
    times = max(0, (at - anchor) // (later(anchor, recurring) - anchor + 5 * DAY))
    while later(anchor, recurring, times) <= at:
        times += 1
    return later(anchor, recurring, times)
