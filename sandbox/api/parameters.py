"""Refusing what the real API refuses before it looks at any object."""

from typing import Any

from pydantic_core import ValidationError

from sandbox.contract.checks import params_validator, readable
from sandbox.errors import InvalidRequest

_MODES = ("typed-dict", "literal", "list[", "function", "nullable", "dict", "str", "int", "bool")
_UNLIMITED = ("url", "url]")


def validated(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """The parameters with their types. Unknown, missing and malformed ones are refused."""
    try:
        params = params_validator(name).validate_python(raw)
    except ValidationError as error:
        raise _refusal(readable(error)[0], raw) from None
    _check_limits(params, "")
    return params


def _bracketed(place: str) -> str:
    parts = [p for p in place.split(".") if p and not p.startswith(_MODES)]
    return parts[0] + "".join(f"[{p}]" for p in parts[1:]) if parts else ""


def _refusal(problem: tuple[str, str, str], raw: dict[str, Any]) -> InvalidRequest:
    kind, place, message = problem
    param = _bracketed(place)
    if kind == "extra_forbidden":
        return InvalidRequest(f"Received unknown parameter: {param}", param, "parameter_unknown")
    if kind == "missing":
        return InvalidRequest(f"Missing required param: {param}.", param, "parameter_missing")
    value = _value_at(raw, place)
    if kind in ("int_parsing", "int_type", "int_from_float"):
        message = f"Invalid integer: {value}"
        return InvalidRequest(message, param, "parameter_invalid_integer")
    if kind == "literal_error" and isinstance(value, str):
        allowed = message.removeprefix("Input should be ").replace("'", "")
        return InvalidRequest(f"Invalid {param}: must be one of {allowed}", param)
    if kind in ("dict_type", "typed_dict_type"):
        return InvalidRequest("Invalid object", param)
    if kind == "list_type":
        return InvalidRequest("Invalid array", param)
    return InvalidRequest(f"Invalid {param}: {message[0].lower()}{message[1:]}", param)


def _value_at(raw: Any, place: str) -> Any:
    for part in place.split("."):
        if isinstance(raw, dict) and part in raw:
            raw = raw[part]
        elif isinstance(raw, list) and part.isdigit() and int(part) < len(raw):
            raw = raw[int(part)]
    return raw


def _check_limits(value: Any, place: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            inner = f"{place}[{name}]" if place else name
            if name == "metadata" and isinstance(item, dict):
                _check_metadata(item, inner)
            else:
                _check_limits(item, inner)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_limits(item, f"{place}[{number}]")
    elif isinstance(value, str) and len(value) > 5000 and not place.endswith(_UNLIMITED):
        _too_long(place, value, 5000)


def _too_long(place: str, value: str, most: int) -> None:
    raise InvalidRequest(
        f"Invalid string: {value[:10]}...{value[-10:]}; must be at most {most} characters",
        place,
        "parameter_invalid_string",
    )


def _check_metadata(metadata: dict[str, str], place: str) -> None:
    if len(metadata) > 50:
        raise InvalidRequest(
            f"Metadata can have at most 50 keys. You attempted to add {len(metadata)}.", place
        )
    for key, value in metadata.items():
        if len(key) > 40:
            raise InvalidRequest(
                f"Metadata keys can be at most 40 characters long. You gave: {key}",
                place,
            )
        if len(value) > 500:
            raise InvalidRequest(
                "Metadata values can be at most 500 characters long. "
                f"The value for '{key}' is {len(value)} characters long.",
                f"{place}[{key}]",
            )
