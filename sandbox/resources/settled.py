"""Hearing how an intent went: its maker (an invoice, a checkout) registers to be told."""

from collections.abc import Callable

from sandbox.world.rows import Obj, World

_LISTENERS: list[Callable[[World, Obj], None]] = []


def when_settled(listener: Callable[[World, Obj], None]) -> Callable[[World, Obj], None]:
    """Call the function after an intent succeeded, failed, is processing or awaits its owner."""
    _LISTENERS.append(listener)
    return listener


def tell(world: World, intent: Obj) -> None:
    for listener in _LISTENERS:
        listener(world, intent)
