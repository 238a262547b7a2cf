"""Holding requests, answers and events against the contract. Validators are built on first use."""

import importlib
import sys
from functools import cache
from typing import Any

import stripe
from pydantic_core import SchemaValidator, ValidationError
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._search_result_object import SearchResultObject

from sandbox.errors import SandboxBug

from .fields import Field
from .schemas import SchemaBuilder, class_validator

Problem = tuple[str, str, str]


def object_class(name: str) -> type:
    """The SDK's class of an object name such as `checkout.session`."""
    module, attribute = OBJECT_CLASSES[name]
    return getattr(importlib.import_module(module), attribute)


@cache
def params_class(dotted: str) -> type:
    """`checkout.SessionCreateParams` is found in `stripe.params.checkout`."""
    package, _, name = dotted.rpartition(".")
    module = importlib.import_module("stripe.params" + (f".{package}" if package else ""))
    return getattr(module, name)


@cache
def params_validator(dotted: str) -> SchemaValidator:
    return class_validator(params_class(dotted))


@cache
def object_validator(name: str) -> SchemaValidator:
    return class_validator(object_class(name))


@cache
def _list_validator(name: str, search: bool) -> SchemaValidator:
    cls: Any = object_class(name)
    kind: Any = SearchResultObject if search else ListObject
    return SchemaBuilder().validator(Field(kind[cls], sys.modules["stripe"], None))


def problems(validator: SchemaValidator, value: Any) -> list[Problem]:
    try:
        validator.validate_python(value, strict=True)
    except ValidationError as error:
        return readable(error)
    return []


def readable(error: ValidationError) -> list[Problem]:
    found = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(p) for p in item["loc"] if not str(p).startswith("stripe."))
        found.append((item["type"], place, item["msg"]))
    return found


def check_answer(answer: dict[str, Any]) -> None:
    """Raise SandboxBug for an answer that the real API could not have given."""
    if answer.get("deleted") is True:
        return
    name = answer["object"]
    if name in ("list", "search_result"):
        if not answer["data"]:
            return
        kinds = {item["object"] for item in answer["data"]}
        validator = _list_validator(kinds.pop(), name == "search_result")
    else:
        validator = object_validator(name)
    _complain(problems(validator, answer), name)


def check_event(event: dict[str, Any]) -> None:
    """Raise SandboxBug for an event that the real API could not have sent."""
    body = event["data"]["object"]
    if body["object"] in OBJECT_CLASSES:
        _complain(problems(object_validator(body["object"]), body), f"event {event['type']}")
    _complain(problems(class_validator(stripe.Event), event), f"envelope of {event['type']}")


def _complain(found: list[Problem], where: str) -> None:
    if found:
        raise SandboxBug(f"invalid {where}: {found[:4]}")
