"""Pages by place instead of by number, newest first: the cost of one grows neither with the table
nor with how far somebody has turned. Where a filter has no index of its own, a page looks at so
many rows and not further; it may be short then, and its `next` goes on from there."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
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
from config.kit.steering import Only

MOST_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the order of time, whether or not the row is still there."""

    # None where ids are numbers that grow with time.
    at: datetime | None
    pk: UUID | int
    # Looking towards the newer rows.
    backwards: bool = False
    # Whether the row itself is still to be looked at.
    inclusive: bool = False

    @classmethod
    def of(cls, row: Any) -> Place:
        return cls(row.created_at, row.pk)

    @classmethod
    def of_id(cls, row: Any) -> Place:
        return cls(None, row.pk)

    @property
    def beyond(self) -> Func:
        sign = (">" if self.backwards else "<") + ("=" if self.inclusive else "")
        return _Compared(self, sign)

    @property
    def up_to_here(self) -> Func:
        return _Compared(self, "<=" if self.backwards else ">=")

    def __str__(self) -> str:
        mark = ("b" if self.backwards else "f") + ("i" if self.inclusive else "")
        words = f"{mark} {self.at.isoformat() if self.at else '-'} {self.pk}"
        return urlsafe_b64encode(words.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, *, by_id: bool = False) -> Place:
        """Raises ValueError, also for a place in a list of another order."""
        try:
            words = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            mark, at, pk = words.split(" ")
        except (binascii.Error, UnicodeError) as error:
            raise ValueError("not a cursor") from error
        moment = None if by_id else datetime.fromisoformat(at)
        number = int(pk) if by_id else UUID(pk)
        is_ours = moment is None or moment.tzinfo is not None
        if mark not in ("f", "fi", "b", "bi") or not is_ours:
            raise ValueError("not a cursor")
        return cls(moment, number, backwards=mark[0] == "b", inclusive=mark.endswith("i"))


class _Compared(Func):
    """As one comparison of rows, which an index of both columns answers by itself."""

    output_field = BooleanField()

    def __init__(self, place: Place, sign: str) -> None:
        columns, values = [F("created_at"), F("pk")], [Value(place.at), Value(place.pk)]
        if place.at is None:
            columns, values = columns[1:], values[1:]
        super().__init__(*columns, *values)
        self.sign = sign

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        parts = [compiler.compile(each) for each in self.source_expressions]
        words, half = [sql for sql, _ in parts], len(parts) // 2
        sql = f"({', '.join(words[:half])}) {self.sign} ({', '.join(words[half:])})"
        return sql, [value for _, values in parts for value in values]


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
    # Whether ids alone are the order.
    by_id: bool = False

    def in_order(self, rows: QuerySet[Any], place: Place | None) -> QuerySet[Any]:
        """From this place on. The order is all of the index's, so that nothing else serves it."""
        lead = (self.led_by,) if self.led_by else ()
        ordered = rows.order_by(*order_from(place, *lead, by_id=self.by_id))
        return ordered.filter(place.beyond) if place else ordered

    def edge(self, place: Place | None) -> Place | None:
        """The last row that is looked at; None where all there are can be looked at."""
        if self.indexed:
            return None
        rows = self.in_order(self.rows, place).values_list("created_at", "pk")
        last = list(rows[MOST_LOOKED_AT - 1 : MOST_LOOKED_AT + 1])
        if len(last) < 2:
            return None
        at, pk = last[0]
        return Place(at, pk, backwards=_back(place))

    def next(self, place: Place | None, edge: Place | None, count: int) -> QuerySet[Any]:
        wanted = self.in_order(self.wanted, place)
        return (wanted.filter(edge.up_to_here) if edge else wanted)[:count]


@dataclass(frozen=True)
class Several:
    """Lists that are shown as one, each had from an index alone; no row is in two of them."""

    parts: Sequence[Sought]
    by_id: bool = False

    @property
    def place_of(self) -> Callable[[Any], Place]:
        return Place.of_id if self.by_id else Place.of

    def edge(self, place: Place | None) -> Place | None:
        return None

    def next(self, place: Place | None, edge: Place | None, count: int) -> Iterable[Any]:
        """The first of each, and of those the first."""
        some = [part.next(place, edge, count) for part in self.parts]
        if len(some) < 2:
            return some[0] if some else []
        order = order_from(place, by_id=self.by_id)
        return some[0].union(*some[1:], all=True).order_by(*order)[:count]


List = Sought | Several


def order_from(place: Place | None, *lead: str, by_id: bool) -> tuple[str, ...]:
    """Written out, for a union does not heed `reverse()`."""
    columns = ("pk",) if by_id else ("created_at", "pk")
    if _back(place):
        return (*(f"-{column}" for column in lead), *columns)
    return (*lead, *(f"-{column}" for column in columns))


def own(rows: QuerySet[Any], column: str, value: int | str, *, by_id: bool = False) -> Sought:
    """All rows with this value, by the index that begins with the column."""
    led = rows.filter(Only(column, value))
    place_of = Place.of_id if by_id else Place.of
    return Sought(led, led, indexed=True, led_by=column, place_of=place_of, by_id=by_id)


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[Any]
    # Where to go on; None at the end.
    place: Place | None


def look(sought: List, place: Place | None, *, limit: int) -> Found:
    """The next rows from this place on, in the order of looking. Two statements at most."""
    edge = sought.edge(place)
    found = list(sought.next(place, edge, limit + 1))
    if len(found) > limit:
        last = sought.place_of(found[limit - 1])
        return Found(found[:limit], replace(last, backwards=_back(place)))
    return Found(found, edge)


def _back(place: Place | None) -> bool:
    return bool(place and place.backwards)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page, newest first, with the ways on from it."""

    rows: list[Any]
    newer: Place | None
    older: Place | None


def turn(sought: List, place: Place | None, *, size: int) -> Leaf:
    found = look(sought, place, limit=size)
    backwards = _back(place)
    rows = found.rows[::-1] if backwards else found.rows
    returning = _returning(sought, place, rows)
    if backwards:
        return Leaf(rows, newer=found.place, older=returning)
    return Leaf(rows, newer=returning, older=found.place)


def _returning(sought: List, place: Place | None, rows: list[Any]) -> Place | None:
    """The way back to where a page was asked for."""
    if place is None:
        return None
    back = not place.backwards
    if not rows:
        return replace(place, backwards=back, inclusive=not place.inclusive)
    return replace(sought.place_of(rows[0] if back else rows[-1]), backwards=back)


class TimePages(KeysetPagination):
    """For views that have a `sought()`."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request, self.base_url = request, request.build_absolute_uri()
        sought: List = view.sought()  # type: ignore[union-attr]
        place = self._place(request, by_id=sought.by_id)
        self.leaf = turn(sought, place, size=self.get_page_size(request) or self.page_size)
        return self.leaf.rows

    def _place(self, request: Request, *, by_id: bool) -> Place | None:
        text = request.query_params.get(self.cursor_query_param)
        if not text:
            return None
        try:
            return Place.read(text, by_id=by_id)
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
