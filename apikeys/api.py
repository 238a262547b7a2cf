from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys import keys
from apikeys.models import APIKey
from apikeys.serializers import (
    KeyRequestSerializer,
    KeysSerializer,
    NewKeySerializer,
    RevealedSerializer,
    RotationSerializer,
)
from config.kit.api import NOT_KEPT
from config.kit.schema import refusal
from sessions_live.caller import caller

NOT_FOUND = refusal("`not_found`: you have no such key, or it is revoked.")
UNPAID = refusal("`payment_required`: keys come with a plan.")
DONE = inline_serializer("Done", {"success": serializers.BooleanField()})


class KeysView(APIView):
    scopes = {"GET": "keys:write", "POST": "keys:write"}

    @extend_schema(operation_id="api_keys_list", responses={200: KeysSerializer, 403: UNPAID})
    def get(self, request: Request) -> Response:
        """The caller's keys, newest first, those that are revoked too."""
        return Response(KeysSerializer({"keys": keys.keys_of(caller(request))}).data)

    @extend_schema(
        operation_id="api_keys_create",
        request=KeyRequestSerializer,
        responses={201: NewKeySerializer, 403: UNPAID},
    )
    def post(self, request: Request) -> Response:
        """Make a key; its secret is in this answer and nowhere else."""
        asked = KeyRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        shown = keys.create_key(caller(request), **asked.validated_data, by=asking_key(request))
        return first_sight(shown)


class KeyView(APIView):
    scopes = {"DELETE": "keys:write"}

    @extend_schema(operation_id="api_keys_destroy", responses={200: DONE, 404: NOT_FOUND})
    def delete(self, request: Request, pk: str) -> Response:
        """Revoke a key: the next request with it is refused, in every process."""
        keys.end_key(caller(request), int(pk), by=asking_key(request))
        return Response({"success": True})


class RevealView(APIView):
    @extend_schema(
        operation_id="api_keys_reveal",
        request=None,
        responses={
            200: RevealedSerializer,
            403: UNPAID,
            404: NOT_FOUND,
            409: refusal("`already_revealed`: it was shown before, and is shown once."),
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        """Mint and show the secret of the key that a payment made. Needs a sign-in."""
        shown = RevealedSerializer(keys.reveal(caller(request), int(pk)))
        return Response(shown.data, headers=NOT_KEPT)


class RotateView(APIView):
    scopes = {"POST": "keys:write"}

    @extend_schema(
        operation_id="api_keys_rotate",
        request=RotationSerializer,
        responses={
            201: NewKeySerializer,
            403: UNPAID,
            404: NOT_FOUND,
            409: refusal("`not_revealed`, or `already_rotated`."),
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        """Make a key that takes this one's place."""
        asked = RotationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        grace = timedelta(seconds=asked.validated_data["grace_seconds"])
        shown = keys.rotate(caller(request), int(pk), grace=grace, by=asking_key(request))
        return first_sight(shown)


def asking_key(request: Request) -> APIKey | None:
    """The key that the caller shows; None for one who is signed in."""
    return request.auth if isinstance(request.auth, APIKey) else None


def first_sight(shown: keys.Shown) -> Response:
    body = {**NewKeySerializer(shown.key).data, "key": shown.secret}
    return Response(body, status=201, headers=NOT_KEPT)
