from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apikeys.keys import LONGEST_GRACE
from apikeys.models import APIKey
from apikeys.scopes import SCOPES
from config.kit.api import StrictSerializer


class KeySerializer(serializers.ModelSerializer[APIKey]):
    prefix = serializers.CharField(help_text="Empty before the key is revealed.")
    status = serializers.SerializerMethodField(help_text="A key that has run out is `revoked`.")
    scopes = serializers.ListField(child=serializers.ChoiceField(list(SCOPES)))

    class Meta:
        model = APIKey
        fields = (
            "id",
            "prefix",
            "name",
            "status",
            "scopes",
            "created_at",
            "last_used_at",
            "expires_at",
        )

    def get_status(self, key: APIKey) -> APIKey.Status:
        return APIKey.Status.REVOKED if key.is_expired else APIKey.Status(key.status)


class KeysSerializer(serializers.Serializer[Any]):
    keys = KeySerializer(many=True)


class RevealedSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="key.pk")
    key = serializers.CharField(source="secret", help_text="Shown this once, and kept nowhere.")
    prefix = serializers.CharField(source="key.prefix")


class NewKeySerializer(KeySerializer):
    key = serializers.CharField(read_only=True, help_text="Shown this once, and kept nowhere.")

    class Meta(KeySerializer.Meta):
        fields = ("id", "key", *KeySerializer.Meta.fields[1:])  # type: ignore[assignment]


class KeyRequestSerializer(StrictSerializer):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(list(SCOPES)),
        required=False,
        allow_empty=False,
        max_length=len(SCOPES),
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    def validate_expires_at(self, at: datetime | None) -> datetime | None:
        if at is not None and at <= timezone.now():
            raise serializers.ValidationError("Must lie in the future.", code="in_the_past")
        return at


class RotationSerializer(StrictSerializer):
    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_GRACE.total_seconds()),
        default=0,
        help_text="How long the old key works on; at once revoked where it is left out.",
    )
