"""Decoding the bracketed form encoding that Stripe's API takes."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

_KEYS = re.compile(r"\[([^\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    return nest(parse_qsl(text, keep_blank_values=True))


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][0][c]=1` becomes `{"a": {"b": [{"c": "1"}]}}`."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        keys = [name.split("[")[0], *_KEYS.findall(name)]
        current = root
        for key in keys[:-1]:
            child = current.setdefault(key or str(len(current)), {})
            current = child if isinstance(child, dict) else {}
        current[keys[-1] or str(len(current))] = value
    return {key: _with_lists(value) for key, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}
