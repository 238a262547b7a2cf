"""The sandbox speaks the SDK's own words: every operation, every object that it keeps."""

from __future__ import annotations

import pytest

from sandbox import resources
from sandbox.api.operations import Operation, all_operations, is_real
from sandbox.contract.checks import object_class, object_validator, params_validator, problems
from sandbox.contract.fields import object_fields
from sandbox.contract.forms import decode
from sandbox.world.ids import PREFIXES
from sandbox.world.observed import FIRST_VALUES, LEFT_OUT

resources.load()
OPERATIONS = sorted(all_operations(), key=lambda o: (o.path, o.method))


@pytest.mark.parametrize("known", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_an_operation_is_one_of_the_real_api(known: Operation) -> None:
    assert is_real(known.method, known.path.replace("{", "").replace("}", ""))
    assert params_validator(known.params)


def test_an_unknown_value_of_an_enum_is_a_problem() -> None:
    # stripe-python widens every enum with `| str`; the contract takes that back.
    found = problems(params_validator("checkout.SessionCreateParams"), {"mode": "gift"})
    assert found


@pytest.mark.parametrize("kind", sorted(PREFIXES.keys() & (LEFT_OUT.keys() | FIRST_VALUES.keys())))
def test_what_was_observed_names_real_fields(kind: str) -> None:
    fields = object_fields(object_class(kind)).keys()
    assert LEFT_OUT.get(kind, set()) | FIRST_VALUES.get(kind, {}).keys() <= fields
    assert object_validator(kind)


def test_forms_are_decoded() -> None:
    text = "a[b][0][c]=1&a[b][1][c]=2&d[]=x&d[]=y&e="
    assert decode(text) == {"a": {"b": [{"c": "1"}, {"c": "2"}]}, "d": ["x", "y"], "e": ""}
