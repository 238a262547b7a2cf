"""Pages by place instead of by number, newest first: the cost of one grows neither with the table
nor with how far somebody has turned. Where a filter has no index of its own, a page looks at so
many rows and not further; it may be short then, and its `next` goes on from there."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, F, Func, QuerySet, Value
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from config.kit.api import KeysetPagination

MOST_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the order of time, whether or not the row is still there."""

    at: datetime
    pk: UUID
    # Looking towards the newer rows.
    backwards: bool = False
    # Whether the row itself is still to be looked at.
    inclusive: bool = False

    @classmethod
    def of(cls, row: Any) -> Place:
        return cls(row.created_at, row.id)

    @property
    def beyond(self) -> Func:
        sign = (">" if self.backwards else "<") + ("=" if self.inclusive else "")
        return _Compared(self, sign)

    @property
    def up_to_here(self) -> Func:
        return _Compared(self, "<=" if self.backwards else ">=")

    def __str__(self) -> str:
        mark = ("b" if self.backwards else "f") + ("i" if self.inclusive else "")
        words = f"{mark} {self.at.isoformat()} {self.pk}"
        return urlsafe_b64encode(words.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Place:
        """Raises ValueError."""
        try:
            words = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            mark, at, pk = words.split(" ")
        except (binascii.Error, UnicodeError) as error:
            raise ValueError("not a cursor") from error
        moment = datetime.fromisoformat(at)
        if mark not in ("f", "fi", "b", "bi") or moment.tzinfo is None:
            raise ValueError("not a cursor")
        return cls(moment, UUID(pk), backwards=mark[0] == "b", inclusive=mark.endswith("i"))


class _Compared(Func):
    """As one comparison of rows, which an index of both columns answers by itself."""

    output_field = BooleanField()

    def __init__(self, place: Place, sign: str) -> None:
        super().__init__(F("created_at"), F("pk"), Value(place.at), Value(place.pk))
        self.sign = sign

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        at, pk, this_at, this_pk = (compiler.compile(each) for each in self.source_expressions)
        sql = f"({at[0]}, {pk[0]}) {self.sign} ({this_at[0]}, {this_pk[0]})"
        return sql, [*at[1], *pk[1], *this_at[1], *this_pk[1]]


class Only(Func):
    """One value of a column that leads an index of the order of time.

    Not said as an equality, for PostgreSQL would know then that the column says nothing about the
    order, and might walk another index of it, past everybody else's rows, to find those of somebody
    who has many but none of late.
    """

    output_field = BooleanField()

    def __init__(self, column: str, value: int | str) -> None:
        super().__init__(F(column), Value(value))

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        column, value = (compiler.compile(each) for each in self.source_expressions)
        return f"{column[0]} = ANY(ARRAY[{value[0]}])", [*column[1], *value[1]]


@dataclass(frozen=True)
class Sought:
    """`rows` are had in their order from an index; `wanted` are those among them."""

    rows: QuerySet[Any]
    wanted: QuerySet[Any]
    # Whether an index alone finds all that is wanted, so that there is nothing to look through.
    indexed: bool
    # The column that all `rows` have only one value in, where the index begins with it.
    led_by: str | None = None
    # How one of `wanted` tells its place.
    place_of: Callable[[Any], Place] = Place.of

    def in_order(self, rows: QuerySet[Any], place: Place | None) -> QuerySet[Any]:
        """From this place on. The order is all of the index's, so that nothing else serves it."""
        lead = (self.led_by,) if self.led_by else ()
        ordered = rows.order_by(*lead, "-created_at", "-pk")
        if place is None:
            return ordered
        return (ordered.reverse() if place.backwards else ordered).filter(place.beyond)


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[Any]
    # Where to go on; None at the end.
    place: Place | None


def look(sought: Sought, place: Place | None, *, limit: int) -> Found:
    """The next rows from this place on, in the order of looking. Two statements at most."""
    rows, wanted = sought.in_order(sought.rows, place), sought.in_order(sought.wanted, place)
    edge = None if sought.indexed else _edge(rows, _back(place))
    if edge:
        wanted = wanted.filter(edge.up_to_here)
    found = list(wanted[: limit + 1])
    if len(found) > limit:
        last = sought.place_of(found[limit - 1])
        return Found(found[:limit], replace(last, backwards=_back(place)))
    return Found(found, edge)


def _back(place: Place | None) -> bool:
    return bool(place and place.backwards)


def _edge(rows: QuerySet[Any], backwards: bool) -> Place | None:
    """The last row that is looked at; None where all there are can be looked at."""
    last = list(rows.values_list("created_at", "pk")[MOST_LOOKED_AT - 1 : MOST_LOOKED_AT + 1])
    if len(last) < 2:
        return None
    at, pk = last[0]
    return Place(at, pk, backwards=backwards)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page, newest first, with the ways on from it."""

    rows: list[Any]
    newer: Place | None
    older: Place | None


def turn(sought: Sought, place: Place | None, *, size: int) -> Leaf:
    found = look(sought, place, limit=size)
    if place and place.backwards:
        rows = found.rows[::-1]
        return Leaf(rows, newer=found.place, older=_returning(place, rows))
    return Leaf(found.rows, newer=_returning(place, found.rows), older=found.place)


def _returning(place: Place | None, rows: list[Any]) -> Place | None:
    """The way back to where a page was asked for."""
    if place is None:
        return None
    back = not place.backwards
    if not rows:
        return replace(place, backwards=back, inclusive=not place.inclusive)
    return replace(Place.of(rows[0] if back else rows[-1]), backwards=back)


class TimePages(KeysetPagination):
    """For views that have a `sought()`."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request, self.base_url = request, request.build_absolute_uri()
        sought: Sought = view.sought()  # type: ignore[union-attr]
        size = self.get_page_size(request) or KeysetPagination.page_size
        self.leaf = turn(sought, self._place(request), size=size)
        return self.leaf.rows

    def _place(self, request: Request) -> Place | None:
        text = request.query_params.get(self.cursor_query_param)
        if not text:
            return None
        try:
            return Place.read(text)
        except ValueError:
            raise ValidationError({self.cursor_query_param: "Not a cursor of ours."}) from None

    def get_next_link(self) -> str | None:
        return self._link(self.leaf.older)

    def get_previous_link(self) -> str | None:
        return self._link(self.leaf.newer)

    def _link(self, place: Place | None) -> str | None:
        if place is None:
            return None
        return replace_query_param(self.base_url or "", self.cursor_query_param, str(place))
