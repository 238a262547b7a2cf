"""Filters of the console's lists whose column leads an index: they read what they show, and not the
table for it, however few rows there are of the one value or how long ago they were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.kit.steering import Only


class Leading(admin.SimpleListFilter):
    """With fixed choices, named by its column: the stock one looks through the table for them."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(Only(str(self.parameter_name), value)) if value else queryset


class LeadingChoices(admin.ChoicesFieldListFilter):
    """For a column that has its choices itself."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        values: Any = self.used_parameters.get(self.lookup_kwarg)
        if not values or self.lookup_kwarg_isnull in self.used_parameters:
            return super().queryset(request, queryset)
        return queryset.filter(Only(self.field_path, values[-1]))


def leads(filters: Iterable[Any], request: HttpRequest) -> Iterator[str]:
    """The columns that the list has only one value of."""
    for each in filters:
        if isinstance(each, tuple) and each[1] is LeadingChoices:
            column, parameter = each[0], f"{each[0]}__exact"
        elif isinstance(each, type) and issubclass(each, Leading):
            column = parameter = str(each.parameter_name)
        else:
            continue
        if request.GET.get(parameter):
            yield column
