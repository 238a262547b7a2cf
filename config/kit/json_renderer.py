"""JSON answers, also to those who sent half a character and are told which field has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer as StockRenderer


class JSONRenderer(StockRenderer):
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return Escaping().render(data, accepted_media_type, renderer_context)


class Escaping(StockRenderer):
    """Writes half a character as it came in."""

    ensure_ascii = True
