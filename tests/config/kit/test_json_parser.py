from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from config.kit.json_parser import DEEPEST, is_deeper_than

pytestmark = pytest.mark.django_db


def nested(depth: int, begin: str = "[", end: str = "]") -> str:
    return begin * depth + "1" + end * depth


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_depth_is_the_number_of_containers(begin: str, end: str):
    for depth in (1, 4, 50):
        found = json.loads(nested(depth, begin, end))
        real = depth * (begin.count("[") + begin.count("{"))
        assert is_deeper_than(real - 1, found)
        assert not is_deeper_than(real, found)


def test_what_holds_nothing_is_not_deep():
    assert not is_deeper_than(1, [[], {}])
    assert not is_deeper_than(0, "text")


@pytest.mark.parametrize("depth", [DEEPEST + 1, *range(850, 1000, 3), 100_000])
def test_a_body_that_is_nested_too_deeply_is_refused(depth: int):
    answer = APIClient().post(
        "/api/v1/auth/register", nested(depth), content_type="application/json"
    )
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["code"], error["attr"]) == ("parse_error", None)
    assert "nested" in error["detail"]
