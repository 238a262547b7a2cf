from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from config.kit.json_renderer import JSONRenderer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["\ud800", "a\udfff", "\ud83d "])
def test_half_a_character_in_a_fields_name_is_refused_by_that_name(name: str):
    answer = APIClient().post(
        "/api/v1/auth/register", json.dumps({name: 1}), content_type="application/json"
    )
    assert answer.status_code == 400
    assert [each["attr"] for each in answer.json()["errors"]] == [name]


def test_whole_characters_are_written_as_they_are():
    assert JSONRenderer().render({"é": "\U0001f600"}) == '{"é":"\U0001f600"}'.encode()
