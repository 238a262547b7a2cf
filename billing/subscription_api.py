from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import plan_changes, subscription_life
from billing.api import IDEMPOTENCY_KEY, READ, WRITE
from billing.models import Interval, Subscription
from billing.serializers import SubscriptionSerializer
from billing.subscription_life import Asking
from config.kit.api import StrictSerializer, idempotency_key
from sessions_live.caller import caller


class ChangeSerializer(StrictSerializer):
    tier = serializers.SlugField(max_length=50)
    interval = serializers.ChoiceField(
        choices=[Interval.MONTH, Interval.YEAR],
        required=False,
        help_text="The present one where it is left out and the plan is sold by it.",
    )


class CancelSerializer(StrictSerializer):
    at_period_end = serializers.BooleanField(default=True)
    reason = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="Any words, or one of " + ", ".join(subscription_life.FEEDBACK) + ".",
    )


class NothingSerializer(StrictSerializer):
    """A call that takes no body."""


class PreviewLineSerializer(serializers.Serializer[Any]):
    description = serializers.CharField()
    amount = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    amount_due = serializers.IntegerField(help_text="What is charged on confirming.")
    currency = serializers.CharField()
    lines = PreviewLineSerializer(many=True, help_text="They add up to `amount_due`.")
    effective = serializers.DateTimeField(help_text="When the other plan begins.")


def asking(request: Request, *, reason: str = "") -> Asking:
    return Asking(caller(request), reason=reason, key=idempotency_key(request))


def answer(subscription: Subscription) -> Response:
    return Response(SubscriptionSerializer(subscription).data)


class CancelView(APIView):
    scopes = WRITE

    @extend_schema(
        operation_id="subscription_cancel",
        request=CancelSerializer,
        responses=SubscriptionSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Ends the subscription with its period, or at once. A change of plan that waits is
        dropped. Nothing is given back by itself."""
        wishes = CancelSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked: dict[str, Any] = wishes.validated_data
        return answer(
            subscription_life.cancel(
                caller(request),
                asking(request, reason=asked["reason"]),
                at_period_end=asked["at_period_end"],
            )
        )


def plain_move(name: str, move: Any, words: str) -> type[APIView]:
    """A door for a move that needs no details."""

    class MoveView(APIView):
        scopes = WRITE

        @extend_schema(
            operation_id=f"subscription_{name}",
            description=words,
            request=NothingSerializer,
            responses=SubscriptionSerializer,
            parameters=[IDEMPOTENCY_KEY],
        )
        def post(self, request: Request) -> Response:
            NothingSerializer(data=request.data).is_valid(raise_exception=True)
            return answer(move(caller(request), asking(request)))

    return MoveView


class PreviewView(APIView):
    scopes = READ

    @extend_schema(
        operation_id="subscription_change_preview",
        parameters=[ChangeSerializer],
        responses=PreviewSerializer,
    )
    def get(self, request: Request) -> Response:
        """What another plan would cost, asked of the provider. Confirmed within an hour, it costs
        just that. More begins at once, less when the period ends."""
        wishes = ChangeSerializer(data=request.query_params.dict())
        wishes.is_valid(raise_exception=True)
        asked: dict[str, Any] = wishes.validated_data
        shown = plan_changes.preview(
            caller(request), tier=asked["tier"], interval=asked.get("interval")
        )
        return Response(PreviewSerializer(shown).data)


class ChangeView(APIView):
    scopes = WRITE

    @extend_schema(
        operation_id="subscription_change",
        request=ChangeSerializer,
        responses=SubscriptionSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Another plan or interval: more at once, its difference paid at once or nothing changed
        (402); less when the period ends, shown as `scheduled_change`. To the present plan: drops
        what is scheduled."""
        wishes = ChangeSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked: dict[str, Any] = wishes.validated_data
        return answer(
            plan_changes.change(
                caller(request),
                asking(request),
                tier=asked["tier"],
                interval=asked.get("interval"),
            )
        )


DOORS: dict[str, type[APIView]] = {
    "cancel": CancelView,
    "reactivate": plain_move(
        "reactivate",
        subscription_life.reactivate,
        "Takes a cancellation back, before the period ends.",
    ),
    "pause": plain_move(
        "pause",
        subscription_life.pause,
        "Nothing is charged from the next renewal on; access goes on to the end of what is paid.",
    ),
    "resume": plain_move(
        "resume",
        subscription_life.resume,
        "Goes on: within what is paid nothing is due, after it a new period is paid at once. Where"
        " the bank has a question it stays paused, and `awaited_change` says where to answer it.",
    ),
    "change-preview": PreviewView,
    "change": ChangeView,
}
