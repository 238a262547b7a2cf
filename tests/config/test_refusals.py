from __future__ import annotations

import pytest

from config import refusals

pytestmark = pytest.mark.django_db


def test_an_unknown_call_of_the_api_is_refused_in_its_shape(client):
    answer = client.get("/api/v1/nonsense")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    assert answer.json()["errors"][0]["code"] == "not_found"
    assert answer.json()["type"] == "client_error"


def test_an_unknown_page_is_a_page(client):
    answer = client.get("/nonsense")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("view", "status"), [(refusals.bad_request, 400), (refusals.permission_denied, 403)]
)
def test_what_django_refuses_has_the_apis_shape_too(rf, view, status: int):
    answer = view(rf.get("/api/v1/plans"), Exception("secret of ours"))
    assert answer.status_code == status
    assert b"secret" not in answer.content


def test_a_fault_of_ours_shows_nothing_of_itself(rf):
    answer = refusals.server_error(rf.get("/api/v1/plans"))
    assert answer.status_code == 500
    assert b"server_error" in answer.content
