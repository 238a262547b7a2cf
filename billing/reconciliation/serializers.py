from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.reconciliation import differences
from billing.reconciliation.models import Difference, Run
from config.kit.api import StrictSerializer


class AskSerializer(StrictSerializer):
    customer = serializers.CharField(
        required=False, max_length=255, help_text="The provider's id, or an e-mail address."
    )
    since = serializers.DateTimeField(required=False, help_text="Only what was made from then on.")
    fix = serializers.BooleanField(default=False, help_text="Also repair what a rule is right for.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("customer") and attrs.get("since"):
            raise serializers.ValidationError({"since": "Of one customer everything is compared."})
        return attrs


class WhichSerializer(StrictSerializer):
    """The query of the list."""

    customer = serializers.CharField(required=False, max_length=255)
    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(required=False, min_value=1)


class RunSerializer(serializers.ModelSerializer[Run]):
    status = serializers.ChoiceField(
        choices=["waiting", "running", "finished", "given_up"], source="standing"
    )
    asked_by = serializers.EmailField(source="by.email", default=None, allow_null=True)

    class Meta:
        model = Run
        fields = (
            *("id", "provider", "scope", "customer", "since", "fix", "status", "stage"),
            *("events_seen", "events_recovered", "objects_seen", "found", "repaired", "gone"),
            *("trouble", "asked_by", "started_at", "finished_at"),
        )


class DifferenceSerializer(serializers.ModelSerializer[Difference]):
    class Meta:
        model = Difference
        fields = (
            *("id", "kind", "object_id", "customer", "ours", "theirs", "apart", "currency"),
            *("cause", "evidence", "status", "repair", "found_at", "closed_at"),
        )


class RunStorySerializer(RunSerializer):
    open = serializers.SerializerMethodField()
    differences = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = (*RunSerializer.Meta.fields, "open", "differences")

    def get_open(self, run: Run) -> dict[str, int]:
        """How many are open now, by their kinds: of this customer, or of all."""
        return differences.by_kind(run.customer)

    @extend_schema_field(DifferenceSerializer(many=True))
    def get_differences(self, run: Run) -> Any:
        """What this run has found, the newest hundred."""
        found = run.differences.order_by("-pk")[: differences.MOST_SHOWN]
        return DifferenceSerializer(found, many=True).data
