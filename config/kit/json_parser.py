"""JSON bodies, with nesting that no honest client sends refused like any other malformed text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser as StockParser

# Far from where Python gives up: whoever walks through the body later has less room than we.
DEEPEST = 100


class JSONParser(StockParser):
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise too_deep() from None
        if is_deeper_than(DEEPEST, data):
            raise too_deep()
        return data


def is_deeper_than(most: int, data: Any) -> bool:
    level = [data]
    for _ in range(most + 1):
        inner = [each for each in level if isinstance(each, (dict, list))]
        level = [
            child for each in inner for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def too_deep() -> ParseError:
    return ParseError(f"JSON parse error - nested more than {DEEPEST} deep")
