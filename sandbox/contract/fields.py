"""The fields of stripe-python's classes, and the alternatives that a field's type allows."""

import inspect
import sys
import types
import typing
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Literal, Union, get_args, get_origin

import typing_extensions as te
from stripe._request_options import RequestOptions
from stripe._stripe_object import StripeObject, UntypedStripeObject

from .names import resolve

LITERALS = (Literal, te.Literal)
UNIONS = (Union, types.UnionType)
_REQUIREDNESS = (te.NotRequired, te.Required, typing.NotRequired, typing.Required)
_OPTION_NAMES = frozenset(RequestOptions.__annotations__)


@dataclass(frozen=True)
class Field:
    """A type together with the place it was written in, which its names refer to."""

    type: Any
    module: ModuleType
    owner: type | None

    def inner(self, type_: Any) -> "Field":
        return Field(type_, self.module, self.owner)

    def alternatives(self) -> list[Any]:
        value = resolve(self.type, self.module, self.owner)
        if get_origin(value) in UNIONS:
            return [x for part in get_args(value) for x in self.inner(part).alternatives()]
        return [value]

    @property
    def nullable(self) -> bool:
        return type(None) in self.alternatives()


def is_untyped(value: Any) -> bool:
    return value is UntypedStripeObject or get_origin(value) is UntypedStripeObject


def is_object(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, StripeObject) and not is_untyped(value)


def is_list_of_objects(value: Any) -> bool:
    return is_object(get_origin(value))


@cache
def object_fields(cls: type) -> dict[str, Field]:
    """The fields of a resource class or of a class nested in one."""
    found: dict[str, Field] = {}
    for owner in reversed(cls.__mro__):
        module = owner.__module__
        if not module.startswith("stripe.") or module.endswith(("_stripe_object", "_api_resource")):
            continue
        for name, annotation in owner.__dict__.get("__annotations__", {}).items():
            if name.startswith("_") or name == "OBJECT_NAME" or "ClassVar" in str(annotation):
                continue
            found[name] = Field(annotation, sys.modules[module], owner)
    return found


def encoded_fields(cls: type) -> set[str]:
    """Fields that the SDK shows as numbers but which travel as strings."""
    return {name for c in cls.__mro__ for name in c.__dict__.get("_field_encodings", None) or ()}


def parameter_fields(cls: type) -> dict[str, tuple[Field, bool]]:
    """The fields of a params class, each with whether it is required."""
    module = sys.modules[cls.__module__]
    has_options = set(cls.__annotations__) >= _OPTION_NAMES
    found = {}
    for name, annotation in cls.__annotations__.items():
        if has_options and name in _OPTION_NAMES:
            continue
        value, required = resolve(annotation, module, cls), True
        while get_origin(value) in _REQUIREDNESS:
            required = get_origin(value) in (te.Required, typing.Required)
            value = resolve(get_args(value)[0], module, cls)
        found[name] = (Field(value, module, cls), required)
    return found
