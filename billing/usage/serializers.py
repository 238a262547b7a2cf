from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeGuard

from rest_framework import serializers

from billing.usage.batches import Rejected, Tally
from billing.usage.metering import Standing, Usage
from billing.usage.models import DailyUsage
from config.kit.api import StrictSerializer

MOST_AT_ONCE = 1_000_000_000
MOST_METADATA = 4_000
MOST_IN_BATCH = 1_000
PLAIN = frozenset(("usage_type", "event_id", "amount"))


class MetadataField(serializers.DictField):
    """Any JSON object of 4,000 bytes at most that PostgreSQL can keep."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        metadata: dict[str, Any] = super().to_internal_value(data)
        try:
            text = json.dumps(metadata, allow_nan=False, ensure_ascii=False)
            size = len(text.encode())
        except ValueError:
            self.refuse("Holds a number or a text that cannot be stored.")
        if size > MOST_METADATA:
            self.refuse(f"Takes {MOST_METADATA} bytes at most.")
        if "\\u0000" in text:
            self.refuse("Holds a NUL, which cannot be stored.")
        return metadata

    def refuse(self, words: str) -> None:
        raise serializers.ValidationError(words, code="invalid")


class UsageSerializer(StrictSerializer):
    usage_type = serializers.CharField(max_length=50)
    amount = serializers.IntegerField(default=1, min_value=1, max_value=MOST_AT_ONCE)
    event_id = serializers.CharField(
        required=False,
        max_length=255,
        help_text="Your own id of the event: it is counted once, and a repetition is answered"
        " as the first time. The same id with other content is refused with 422.",
    )
    metadata = MetadataField(required=False)
    timestamp = serializers.DateTimeField(
        required=False,
        help_text="When it happened, for events that come late: up to 35 days ago. It counts in"
        " the period of that time.",
    )


class StandingSerializer(serializers.Serializer[Any]):
    usage_type = serializers.CharField()
    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()


# Made once: to make one takes longer than all that it is asked.
_usage, _instant = UsageSerializer(), serializers.DateTimeField()


def read_usage(data: Any) -> Usage:
    """Raises ValidationError."""
    told = _usage.run_validation(data)
    return Usage(
        told["usage_type"],
        told["amount"],
        told.get("event_id"),
        told.get("metadata", {}),
        told.get("timestamp"),
    )


def read_plain_usage(data: Any) -> Usage | None:
    """What `read_usage` makes of what nearly all callers send, in a tenth of its time; None for
    all that has to be looked at more closely."""
    if not isinstance(data, dict) or not PLAIN.issuperset(data):
        return None
    usage_type, event_id = data.get("usage_type"), data.get("event_id")
    amount = data.get("amount", 1)
    if not (is_plain(usage_type, 50) and is_plain(event_id, 255)):
        return None
    if type(amount) is not int or not 1 <= amount <= MOST_AT_ONCE:
        return None
    return Usage(usage_type, amount, event_id)


def is_plain(text: Any, longest: int) -> TypeGuard[str]:
    return (
        type(text) is str
        and 0 < len(text) <= longest
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )


def shown(standing: Standing) -> dict[str, Any]:
    """As StandingSerializer says; answers come by the thousand."""
    return {
        "usage_type": standing.usage_type,
        "used": standing.used,
        "limit": standing.limit,
        "remaining": standing.remaining,
        "period_start": written(standing.period_start),
        "period_end": written(standing.period_end),
    }


@lru_cache(maxsize=4096)
def written(instant: datetime) -> Any:
    return _instant.to_representation(instant)


class BatchSerializer(StrictSerializer):
    """A malformed event is one that is rejected; only a malformed list is an error."""

    events = serializers.ListField(
        child=serializers.JSONField(allow_null=True), min_length=1, max_length=MOST_IN_BATCH
    )

    def valid_ones(self) -> Iterator[tuple[int, Usage]]:
        self.invalid: list[Rejected] = []
        for index, told in enumerate(self.validated_data["events"]):
            try:
                yield index, read_usage(told)
            except serializers.ValidationError as refused:
                self.invalid.append(Rejected(index, first_code(refused.detail)))

    def with_invalid_ones(self, tally: Tally) -> Tally:
        return replace(tally, rejected=sorted(tally.rejected + self.invalid))


def first_code(errors: Any) -> str:
    """Of DRF's errors, however deep they are."""
    while not isinstance(errors, serializers.ErrorDetail):
        errors = next(iter(errors.values() if isinstance(errors, dict) else errors))
    return str(errors.code)


class RejectedSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    code = serializers.CharField()


class TallySerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RejectedSerializer(many=True)


class HistoryQuerySerializer(StrictSerializer):
    usage_type = serializers.CharField(max_length=50, required=False)
    days = serializers.IntegerField(default=30, min_value=1, max_value=366)


class DaySerializer(serializers.ModelSerializer[DailyUsage]):
    class Meta:
        model = DailyUsage
        fields = ("day", "usage_type", "amount")
