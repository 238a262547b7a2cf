"""The edges that all JSON doors share: strict bodies and pages whose cost does not grow."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.kit.errors import AppError

# Of an answer that holds a credential, on its way and in the browser that asked.
NOT_KEPT = {"Cache-Control": "no-store"}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, by name: a mistyped option must never be ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                refusal = serializers.ErrorDetail("Unknown field.", code="unknown_field")
                raise serializers.ValidationError({name: [refusal] for name in unknown})
        return super().to_internal_value(data)


class KeysetPagination(CursorPagination):
    page_size = 25
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-created_at", "-id")


class PlainPages(KeysetPagination):
    """For lists whose body the contract writes as an array: the other pages are links in a header,
    as GitHub does it."""

    page_size = 100

    def get_paginated_response(self, data: Any) -> Response:
        pages = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        links = ", ".join(f'<{url}>; rel="{name}"' for name, url in pages.items() if url)
        return Response(data, headers={"Link": links} if links else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema


class NewestFirst(KeysetPagination):
    """For rows whose id grows with time."""

    ordering = ("-id",)


def idempotency_key(request: Request) -> str | None:
    """The caller's key, if any. Raises BadKey."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= 255 or not key.isprintable():
        raise BadKey()
    return key


class BadKey(AppError):
    code = "bad_idempotency_key"
    detail = "Idempotency-Key takes 1 to 255 printable characters."
