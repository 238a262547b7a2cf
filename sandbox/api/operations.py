"""Which function answers which request."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import stripe

from sandbox.world.rows import Obj, World


@dataclass(slots=True)
class Call:
    """One request that was understood."""

    world: World
    params: dict[str, Any]
    ids: list[str] = field(default_factory=list)
    path: str = ""

    @property
    def id(self) -> str:
        return self.ids[-1]


Handler = Callable[[Call], Obj]


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    params: str
    handler: Handler


_BY_SHAPE: dict[tuple[str, int], list[tuple[tuple[str, ...], Operation]]] = {}


def operation(method: str, path: str, params: str) -> Callable[[Handler], Handler]:
    """Answer a request with the function; `params` names its class in `stripe.params`."""

    def register(handler: Handler) -> Handler:
        parts = tuple(path.strip("/").split("/"))
        known = _BY_SHAPE.setdefault((method, len(parts)), [])
        known.append((parts, Operation(method, path, params, handler)))
        # Literal paths such as /v1/invoices/create_preview win over /v1/invoices/{id}.
        known.sort(key=lambda item: sum(part.startswith("{") for part in item[0]))
        return handler

    return register


def find(method: str, path: str) -> tuple[Operation, list[str]] | None:
    parts = path.strip("/").split("/")
    for template, known in _BY_SHAPE.get((method, len(parts)), ()):
        pairs = list(zip(template, parts, strict=True))
        if all(a == b or a.startswith("{") for a, b in pairs):
            return known, [b for a, b in pairs if a.startswith("{")]
    return None


def all_operations() -> list[Operation]:
    return [known for group in _BY_SHAPE.values() for _, known in group]


def is_real(method: str, path: str) -> bool:
    """Whether the real API has this operation, though the sandbox does not."""
    return any(m == method and shape.fullmatch(path) for m, shape in _real_operations())


@cache
def _real_operations() -> list[tuple[str, re.Pattern[str]]]:
    call = re.compile(r'_request\(\s*"(get|post|delete)",\s*"(/v[12][^"]*)"')
    found = []
    for source in Path(str(stripe.__file__)).parent.rglob("_*_service.py"):
        for method, path in call.findall(source.read_text()):
            found.append((method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path))))
    return found
