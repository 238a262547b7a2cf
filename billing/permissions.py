from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.entitlements import access_of
from config.kit.errors import AppError
from sessions_live.models import User


class PlanRequired(AppError):
    code = "plan_required"
    status = 402


def HasPermission(name: str) -> type[BasePermission]:  # noqa: N802 - reads as a class where used
    """Staff with this Django permission, as their groups give it."""

    class Permission(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            user = request.user
            return bool(user and user.is_staff and user.has_perm(name))

    return Permission


def HasEntitlement(feature: str) -> type[BasePermission]:  # noqa: N802 - as above
    """People whose plan includes this feature, or to whom staff gave it; 402 for others."""

    class Permission(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            if not isinstance(request.user, User):
                return False
            if feature not in access_of(request.user).features:
                raise PlanRequired(f"Your plan does not include {feature!r}.")
            return True

    return Permission
