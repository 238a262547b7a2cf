from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from config.kit.one_by_one import one_by_one


def invert(numbers: Iterable[Any], done: list[int]) -> None:
    with one_by_one() as apart:
        for number in numbers:
            with apart(f"number {number}"):
                done.append(1 // number)


def test_all_have_their_turn_and_what_went_wrong_is_raised_together_with_names():
    done: list[int] = []
    with pytest.raises(ExceptionGroup) as raised:
        invert([0, 1, "six", -1], done)
    assert done == [1, -1]
    faults = [(type(fault), *fault.__notes__) for fault in raised.value.exceptions]
    assert faults == [(ZeroDivisionError, "number 0"), (TypeError, "number six")]


def test_a_loop_may_end_early_and_where_nothing_went_wrong_nothing_is_raised():
    done = []
    with one_by_one() as apart:
        for number in range(4):
            with apart(f"number {number}"):
                if number == 2:
                    break
                done.append(number)
    assert done == [0, 1]


def test_what_ends_the_loop_itself_does_not_hide_what_went_wrong_before():
    def numbers():
        yield 0
        raise LookupError("no more")

    with pytest.raises(ExceptionGroup) as raised:
        invert(numbers(), [])
    assert isinstance(raised.value.__context__, LookupError)
