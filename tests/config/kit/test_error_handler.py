from __future__ import annotations

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


def test_a_body_beyond_a_megabyte_is_refused_in_the_apis_shape():
    answer = APIClient().post("/api/v1/auth/register", {"email": "x" * 1_000_000})
    assert answer.status_code == 413
    (error,) = answer.json()["errors"]
    assert error["code"] == "too_large"
    assert "1000000 bytes" in error["detail"]
