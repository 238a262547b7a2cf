from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


def HasPermission(name: str) -> type[BasePermission]:  # noqa: N802 - reads as a class where used
    """Staff with this Django permission, as their groups give it."""

    class Permission(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            user = request.user
            return bool(user and user.is_staff and user.has_perm(name))

    return Permission
