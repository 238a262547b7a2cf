"""New objects: every field that the type has, with nothing in it yet."""

from functools import cache
from typing import Any, get_args, get_origin

from sandbox.contract.checks import object_class
from sandbox.contract.fields import (
    LITERALS,
    Field,
    is_list_of_objects,
    is_object,
    is_untyped,
    object_fields,
)
from sandbox.world.copies import packed, unpacked

from .observed import FIRST_VALUES, LEFT_OUT, NEVER

# A payment method has one field per kind of method; only that of its own kind is ever sent.
_PAYMENT_METHOD = {
    "allow_redisplay", "billing_details", "created", "customer", "customer_account", "id",
    "livemode", "metadata",
    "object", "type",
}  # fmt: skip


def skeleton(kind: str) -> dict[str, Any]:
    return unpacked(_packed(kind))


@cache
def _packed(kind: str) -> bytes:
    fields = _fill(object_class(kind), LEFT_OUT.get(kind, set()))
    if kind == "payment_method":
        fields = {name: value for name, value in fields.items() if name in _PAYMENT_METHOD}
    fields.update(FIRST_VALUES.get(kind, {}))
    fields["object"] = kind
    return packed(fields)


def blank(cls: type) -> dict[str, Any]:
    """An empty value of a class nested in a resource."""
    return _fill(cls, set())


def _fill(cls: type, left_out: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in object_fields(cls).items():
        parts = field.alternatives()
        if name in left_out or name in NEVER:
            continue
        if name == "metadata":
            values[name] = {}
        elif not field.nullable:
            values[name] = _empty(field, parts)
        elif not any(is_list_of_objects(part) for part in parts):
            values[name] = None
    return values


def _empty(field: Field, parts: list[Any]) -> Any:
    for part in parts:
        if get_origin(part) in LITERALS:
            return get_args(part)[0]
    first = parts[0]
    if first in (str, bool, int, float):
        return first()
    if get_origin(first) is list:
        return []
    if get_origin(first) is dict or is_untyped(first):
        return {}
    if is_list_of_objects(first):
        return {"object": "list", "data": [], "has_more": False, "url": ""}
    return blank(first) if is_object(first) else None
