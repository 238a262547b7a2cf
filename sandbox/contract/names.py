"""Resolving stripe-python's string annotations, most of them imported for type checkers only."""

import ast
import importlib
import inspect
import sys
import typing
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ForwardRef


@cache
def _imports_in_source(module_name: str) -> dict[str, tuple[str, str]]:
    """Every `from a import b` in a module's source, also those under TYPE_CHECKING."""
    source = Path(str(importlib.import_module(module_name).__file__)).read_text()
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                found[name.asname or name.name] = (node.module, name.name)
    return found


def _enclosing_classes(cls: type) -> list[Any]:
    current: Any = sys.modules[cls.__module__]
    found = []
    for part in cls.__qualname__.split("."):
        current = getattr(current, part, None)
        if current is None:
            break
        found.append(current)
    return found[::-1]


class _Namespace(dict[str, Any]):
    def __init__(self, module: ModuleType, cls: type | None) -> None:
        super().__init__()
        self.module = module
        self.cls = cls

    def __missing__(self, name: str) -> Any:
        for outer in _enclosing_classes(self.cls) if self.cls else ():
            if inspect.isclass(outer.__dict__.get(name)):
                return outer.__dict__[name]
        if name in self.module.__dict__:
            return self.module.__dict__[name]
        if hasattr(typing, name):
            return getattr(typing, name)
        module_name, attribute = _imports_in_source(self.module.__name__)[name]
        return getattr(importlib.import_module(module_name), attribute)


def resolve(annotation: Any, module: ModuleType, cls: type | None = None) -> Any:
    """The type behind an annotation, which may be a string within a string."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        value = eval(annotation, {}, _Namespace(module, cls))  # noqa: S307 (the SDK's own source)
        return resolve(value, module, cls)
    return annotation
