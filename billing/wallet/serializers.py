from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.wallet.models import Entry
from config.kit.api import StrictSerializer


class MovementSerializer(serializers.ModelSerializer[Entry]):
    reference = serializers.CharField(source="transfer.reference")
    kind = serializers.CharField(source="transfer.kind")
    description = serializers.CharField(source="transfer.description")
    currency = serializers.CharField(source="account.currency")
    balance = serializers.IntegerField(help_text="What was in the wallet after it.")
    created_at = serializers.DateTimeField(source="transfer.created_at")

    class Meta:
        model = Entry
        fields = (
            "id",
            "reference",
            "kind",
            "description",
            "amount",
            "currency",
            "balance",
            "created_at",
        )


class BalanceSerializer(serializers.Serializer[Any]):
    available_balance = serializers.IntegerField(source="available.amount")
    pending_balance = serializers.IntegerField(
        source="pending.amount", help_text="Held in escrow for the caller, less the platform's fee."
    )
    owed = serializers.IntegerField(
        source="owed.amount", help_text="Repaid first by what is earned next."
    )
    currency = serializers.CharField()
    last_transaction = MovementSerializer(source="last", allow_null=True)


class WalletSerializer(serializers.Serializer[Any]):
    balances = BalanceSerializer(many=True)


class MovementsQuerySerializer(StrictSerializer):
    currency = serializers.RegexField(r"^[a-z]{3}$", required=False)
    page_size = serializers.IntegerField(required=False)
    cursor = serializers.CharField(required=False)
