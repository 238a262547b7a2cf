"""What a real account has in its dashboard."""

from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.world.rows import World

# The first of each is what holds unless it is changed.
CHOICES: dict[str, tuple[Any, ...]] = {
    # What comes after the last try to collect a renewal.
    "after_retries": ("cancel", "unpaid", "past_due"),
    # Whether a charge is booked a moment after it succeeded, as `automatic_async` is.
    "async_capture": (False, True),
}
_ROW = "_settings"


def setting(world: World, name: str) -> Any:
    row = world.rows.get(_ROW)
    return (row.body if row else {}).get(name, CHOICES[name][0])


def change(world: World, wanted: dict[str, Any]) -> dict[str, Any]:
    for name, value in wanted.items():
        if value not in CHOICES.get(name, ()):
            raise InvalidRequest(f"Unknown setting: {name}={value}", name)
    if _ROW not in world.rows:
        world.add({"id": _ROW, "object": _ROW})
    world.body(_ROW).update(wanted)
    return {name: setting(world, name) for name in CHOICES}
