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


class KeyThrottle(BaseThrottle):
    """As often as the plan of the key's owner says, over all of their keys together."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Raises TooMany, which says when to come back."""
        if isinstance(request.auth, APIKey):
            allowance = request.auth.allowance or 0
            limiter.take(Limit("api-keys", str(request.auth.user_id), allowance))
        return True
