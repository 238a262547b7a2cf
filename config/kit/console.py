"""What every list of the console has in common: it only shows, and it costs the same however many
rows there are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, UUIDField
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin, TabularInline

from config.kit.console_filters import leads
from config.kit.steering import Only

MOST_COUNTED = 10_000


class AtLeast(int):
    """A count that was broken off."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


class CappedPaginator(Paginator):
    """Counts no further than anyone turns pages; the search finds the rest."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        # In the list's order, for that leads to the index which finds them.
        counted = rows.values("pk")[: MOST_COUNTED + 1].count()
        return AtLeast(MOST_COUNTED) if counted > MOST_COUNTED else counted


class ReadOnly:
    """Permissions of what nobody changes here; a full-page form of its own may."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly, TabularInline):
    extra = 0
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    """Searches take whole ids, or an e-mail address where rows have an owner: each is a look-up in
    an index, whatever the size of the table."""

    actions = None
    ordering: Sequence[str] = ("-pk",)
    # A click on any other column would sort the whole table.
    sortable_by: Sequence[str] = ()
    list_per_page = 50
    list_disable_select_all = True
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    search_fields: Sequence[str] = ("pk",)
    search_help_text = "A whole id"
    # The foreign key to the person that a row belongs to, which has an index.
    owner: ClassVar[str] = ""
    # What says that everybody's rows are meant, where the index of their order wants to hear it.
    everybodys: ClassVar[Q | Combinable] = Q()

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        """Led by a filter that has an index, so that PostgreSQL uses no other. One is enough."""
        return (*islice(leads(self.list_filter, request), 1), *self.ordering)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            led = any(leads(self.list_filter, request))
            return queryset if led else queryset.filter(self.everybodys), False
        if "@" in term and self.owner:
            return self.of_person(queryset, term.lower()), False
        return queryset.filter(self.exact(term)), False

    def of_person(self, rows: QuerySet[Any], email: str) -> QuerySet[Any]:
        """Led by their index: in everybody's order, the rows of all others would be walked past to
        find those of somebody who has many but none of late."""
        person = get_user_model().objects.filter(email=email).first()
        if person is None:
            return rows.none()
        column = f"{self.owner}_id"
        return rows.filter(Only(column, person.pk)).order_by(column, *rows.query.order_by)

    def exact(self, term: str) -> Q:
        """Where a whole id may stand. Each column needs an index."""
        return self.exact_uuid(term)

    def exact_uuid(self, term: str, *columns: str) -> Q:
        wanted = Q(pk__in=[])
        own = ("pk",) if isinstance(self.model._meta.pk, UUIDField) else ()
        try:
            value = uuid.UUID(term)
        except ValueError:
            return wanted
        for column in (*own, *columns):
            wanted |= Q(**{column: value})
        return wanted

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        listed = super().get_changelist_instance(request)
        if not listed.query and not listed.has_active_filters:
            # All rows are shown; the skin would offer to show them all.
            listed.full_result_count = listed.result_count
        return listed
