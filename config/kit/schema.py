"""What the OpenAPI schema has in common over all doors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

Endpoint = tuple[str, str, str, Any]


def without_trailing_slashes(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The slash that a path accepts at its end is not part of its name."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


class RefusalDetail(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class Refusal(serializers.Serializer[Any]):
    type = serializers.CharField()
    errors = RefusalDetail(many=True)  # type: ignore[assignment]


def refusal(when: str) -> OpenApiResponse:
    return OpenApiResponse(Refusal, description=when)
