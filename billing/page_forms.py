"""What the forms of several pages have in common."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms

from config.kit.money import Money


class KeyedForm(forms.Form):
    """Made with a key of its own, so that a second click is the same wish."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        options["initial"] = {"key": uuid.uuid4(), **options.get("initial", {})}
        super().__init__(*args, **options)

    @property
    def idempotency_key(self) -> str:
        return f"page:{self.cleaned_data['key']}"


class MoneyForm(KeyedForm):
    """An amount as people write it, in one of these currencies; `money` once it is cleaned."""

    amount = forms.DecimalField(min_value=Decimal(0), max_digits=15, decimal_places=3)
    currency = forms.ChoiceField()

    def __init__(self, currencies: Iterable[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        currency = self.fields["currency"]
        assert isinstance(currency, forms.ChoiceField)
        currency.choices = [(each, each.upper()) for each in currencies]
        # What somebody is typing stays when news renew that part of a page.
        self.fields["amount"].widget = forms.TextInput(
            attrs={"inputmode": "decimal", "autocomplete": "off", "hx-preserve": "true"}
        )

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if "amount" in told and "currency" in told:
            try:
                told["money"] = Money.written(told["amount"], told["currency"])
            except ValueError:
                self.add_error("amount", "This currency has no smaller parts than that.")
        return told
