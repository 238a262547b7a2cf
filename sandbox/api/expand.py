"""`expand[]`: putting objects in the place of their ids."""

from collections.abc import Callable
from typing import Any

from stripe._object_classes import OBJECT_CLASSES

from sandbox.contract.checks import object_class
from sandbox.contract.fields import object_fields
from sandbox.errors import InvalidRequest
from sandbox.world.copies import copied
from sandbox.world.rows import Obj, World

# Fields that are only there when asked for: (kind, field) -> how to make them.
EXTRA: dict[tuple[str, str], Callable[[World, Obj], Any]] = {}
_DEEPEST = 4


def extra(kind: str, name: str) -> Callable[[Callable[[World, Obj], Any]], Callable[..., Any]]:
    def register(make: Callable[[World, Obj], Any]) -> Callable[..., Any]:
        EXTRA[kind, name] = make
        return make

    return register


def expanded(world: World, answer: Obj, paths: list[str]) -> Obj:
    """A copy of the answer, with the named fields expanded."""
    copy = copied(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise InvalidRequest(
                f"You cannot expand more than {_DEEPEST} levels of a property: {path}", "expand"
            )
        _expand(world, copy, steps, path)
    return copy


def _expand(world: World, value: Any, steps: list[str], path: str) -> None:
    if isinstance(value, list):
        for item in value:
            _expand(world, item, steps, path)
    if not steps or not isinstance(value, dict):
        return
    name = steps[0]
    make = EXTRA.get((value.get("object", ""), name))
    if make and not isinstance(value.get(name), (dict, list)):
        value[name] = copied(make(world, value))
    elif name not in value and _exists(value, name):
        return
    elif name not in value:
        hint = f" You may want to try expanding 'data.{path}' instead." if name != "data" else ""
        hint = hint if value.get("object") == "list" else ""
        raise InvalidRequest(f"This property cannot be expanded ({path}).{hint}", "expand")
    else:
        value[name] = _object_for(world, value[name])
    _expand(world, value[name], steps[1:], path)


def _object_for(world: World, value: Any) -> Any:
    if isinstance(value, list):
        return [_object_for(world, item) for item in value]
    row = world.rows.get(value) if isinstance(value, str) else None
    return copied(row.body) if row else value


def _exists(body: Obj, name: str) -> bool:
    """Whether the type knows the field, though this object has nothing in it."""
    kind = body.get("object", "")
    return kind in OBJECT_CLASSES and name in object_fields(object_class(kind))
