from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apikeys.models import APIKey
from config.kit import limiter
from config.kit.limiter import Limit

if TYPE_CHECKING:
    # DRF reads its settings, and so this file, while it makes that class.
    from rest_framework.views import APIView


def limit_of(user_id: int, allowance: int | None) -> Limit:
    return Limit("api-keys", str(user_id), allowance or 0)


class KeyThrottle(BaseThrottle):
    """As often as the plan of the key's owner says, over all of their keys together."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Raises TooMany, which says when to come back."""
        if isinstance(request.auth, APIKey):
            limiter.take(limit_of(request.auth.user_id, request.auth.allowance))
        return True
