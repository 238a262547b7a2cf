from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kit.api import StrictSerializer
from privacy.models import Erasure
from sessions_live.accounts import LONGEST_PASSWORD


class LeavingSerializer(StrictSerializer):
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class KeptSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    rows = serializers.IntegerField()
    why = serializers.CharField()


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    held_for = serializers.ListField(child=serializers.CharField())
    went = serializers.DictField(child=serializers.IntegerField())
    kept = KeptSerializer(many=True)

    class Meta:
        model = Erasure
        fields = (
            "id",
            "status",
            "held_for",
            "requested_at",
            "erased_at",
            "done_at",
            "went",
            "kept",
        )
