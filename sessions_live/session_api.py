from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kit.api import NewestFirst
from config.kit.schema import refusal
from sessions_live import sessions
from sessions_live.authentication import BearerAuthentication, CookieAuthentication
from sessions_live.caller import caller
from sessions_live.listing import describe_for
from sessions_live.models import LiveSession
from sessions_live.serializers import RevokedCountSerializer, RevokedSerializer, SessionSerializer

# A key is nobody's sign-in: it neither has a session nor ends any.
SIGNED_IN = (BearerAuthentication, CookieAuthentication)


class OwnFirst(NewestFirst):
    """Whoever asks sees themselves on top of the first page, whenever they signed in."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        own = queryset.filter(pk=request.auth.pk)
        others = queryset.exclude(pk=request.auth.pk)
        page: list[Any] = super().paginate_queryset(others, request, view) or []
        return [*own, *page] if self.cursor is None else page


class SessionsView(GenericAPIView[LiveSession]):
    authentication_classes = SIGNED_IN
    serializer_class = SessionSerializer
    pagination_class = OwnFirst

    def get_queryset(self) -> QuerySet[LiveSession]:
        if getattr(self, "swagger_fake_view", False):
            return LiveSession.objects.none()
        return LiveSession.objects.of(caller(self.request).pk)

    @extend_schema(responses=SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Where the caller is signed in: first the session that asks, then the newest."""
        page = cast("list[LiveSession]", self.paginate_queryset(self.get_queryset()))
        shown = describe_for(request.auth.pk, page)
        return self.get_paginated_response(self.get_serializer(shown, many=True).data)


class SessionView(APIView):
    authentication_classes = SIGNED_IN

    @extend_schema(
        responses={
            200: RevokedSerializer,
            404: refusal("`not_found`: there is no such live session of the caller's."),
        }
    )
    def delete(self, request: Request, session_id: str) -> Response:
        """End a session: its tokens, its cookie and its sockets stop working at once."""
        sessions.revoke(caller(request), session_id)
        return Response({"success": True})


class RevokeOthersView(APIView):
    authentication_classes = SIGNED_IN

    @extend_schema(request=None, responses={200: RevokedCountSerializer})
    def post(self, request: Request) -> Response:
        """End all of the caller's sessions but the one that asks."""
        count = sessions.revoke_others(caller(request), but=request.auth.pk)
        return Response({"success": True, "revoked_count": count})
