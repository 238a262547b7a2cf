"""Conditions that say nothing new of rows, but lead PostgreSQL to the index that a list is for."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Case, F, Func, Q, Value, When


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


class Filled(Func):
    """That a column is not empty, where it never is, and an index has that for its condition: it
    serves those statements alone that say so, and no other is led astray by it."""

    output_field = BooleanField()
    # Written out: no parameter, of which a plan that is made beforehand would know nothing.
    template = "%(expressions)s <> ''"


def one_by_one(wish: Q) -> Case:
    """For rows that are looked through in the order of an index: no other one is used for this, nor
    does its rarity, as it is guessed, make another way seem shorter."""
    return Case(When(wish, then=True), default=False, output_field=BooleanField())
