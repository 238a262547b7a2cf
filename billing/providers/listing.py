"""Rows that name their provider, in lists of any length."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from billing.providers import PROVIDERS


class ProviderFilter(SimpleListFilter):
    """With fixed choices: the stock one would look through the whole table for them."""

    title = "provider"
    parameter_name = "provider"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Model]
    ) -> list[tuple[str, str]]:
        return [(name, name.capitalize()) for name in PROVIDERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


def at_a_provider(term: str, column: str = "provider_id") -> Q:
    """The unique keys begin with the provider, so it is named for the index's sake."""
    return Q(provider__in=PROVIDERS, **{column: term})
