from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import logout
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from config.kit.api import NOT_KEPT
from config.kit.client_address import client_address
from config.kit.schema import refusal
from sessions_live import accounts, tokens
from sessions_live.models import User
from sessions_live.serializers import (
    AccountSerializer,
    CredentialsSerializer,
    ProfileSerializer,
    RefreshSerializer,
    RegistrationSerializer,
    SignInSerializer,
    TokenPairSerializer,
)
from sessions_live.sessions import end_session

THROTTLED = refusal("`throttled`: come back after the seconds in `Retry-After`.")


class OpenDoor(APIView):
    """For those who have no credential yet; an old one in the request is not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class RegisterView(OpenDoor):
    @extend_schema(
        request=RegistrationSerializer,
        responses={
            201: AccountSerializer,
            409: refusal("`email_taken`: there is an account with this address already."),
            429: THROTTLED,
        },
    )
    def post(self, request: Request) -> Response:
        """Open an account."""
        asked = checked(RegistrationSerializer(data=request.data))
        user = accounts.register(**asked, address=client_address(request.META))
        return Response(AccountSerializer(user).data, status=201)


class TokenView(OpenDoor):
    @extend_schema(
        request=CredentialsSerializer,
        responses={
            200: SignInSerializer,
            401: refusal("`authentication_failed`: unknown, disabled, or another password."),
            429: THROTTLED,
        },
    )
    def post(self, request: Request) -> Response:
        """Sign in: opens a live session, which both tokens name as claim `sid`."""
        asked = checked(CredentialsSerializer(data=request.data))
        address = client_address(request.META)
        user = accounts.check_credentials(**asked, address=address)
        user_agent = request.headers.get("User-Agent", "")
        pair = tokens.sign_in(user, ip=address, user_agent=user_agent)
        return Response(SignInSerializer(pair).data, headers=NOT_KEPT)


class TokenRefreshView(OpenDoor):
    @extend_schema(
        request=RefreshSerializer,
        responses={
            200: TokenPairSerializer,
            401: refusal("`token_not_valid`: malformed, expired, used before, or signed out."),
        },
    )
    def post(self, request: Request) -> Response:
        """Trade the newest refresh token for a new pair. Showing a used one ends the session."""
        asked = checked(RefreshSerializer(data=request.data))
        pair = TokenPairSerializer(tokens.rotate(asked["refresh"]))
        return Response(pair.data, headers=NOT_KEPT)


class LogoutView(APIView):
    @extend_schema(request=None, responses={204: OpenApiResponse(description="Signed out.")})
    def post(self, request: Request) -> Response:
        """End the live session of the credential that is shown."""
        end_session(request.auth.pk, reason="signed_out")
        if request.session.get("sid") == str(request.auth.pk):
            logout(request._request)
        return Response(status=204)


class MeView(APIView):
    scopes = {"GET": "billing:read"}

    @extend_schema(responses={200: ProfileSerializer})
    def get(self, request: Request) -> Response:
        """The caller's profile."""
        return Response(ProfileSerializer(cast(User, request.user)).data)


def checked(serializer: Serializer[Any]) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data
