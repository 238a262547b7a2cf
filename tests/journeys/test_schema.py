"""The API is what its schema says, and bad input is answered, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.product import Person, Product

DOORS = {
    ("post", "/api/v1/auth/register"),
    ("post", "/api/v1/auth/token"),
    ("post", "/api/v1/auth/token/refresh"),
    ("post", "/api/v1/auth/logout"),
    ("get", "/api/v1/me"),
    ("get", "/api/v1/plans"),
    ("get", "/api/v1/items"),
    ("post", "/api/v1/checkout-sessions"),
    ("get", "/api/v1/checkout-sessions/{session_id}"),
    ("post", "/api/v1/payment-intents"),
    ("get", "/api/v1/payment-intents/{intent_id}"),
    ("get", "/api/v1/purchases"),
    ("get", "/api/v1/invoices"),
    ("get", "/api/v1/invoices/{id}/pdf"),
    ("get", "/api/v1/subscription"),
    ("post", "/api/v1/subscription/cancel"),
    ("post", "/api/v1/subscription/reactivate"),
    ("post", "/api/v1/subscription/pause"),
    ("post", "/api/v1/subscription/resume"),
    ("get", "/api/v1/subscription/change-preview"),
    ("post", "/api/v1/subscription/change"),
    ("get", "/api/v1/payments"),
    ("get", "/api/v1/payments/{id}"),
    ("get", "/api/v1/payments/export"),
    ("get", "/api/v1/admin/payments"),
    ("get", "/api/v1/entitlements"),
    ("get", "/api/v1/admin/webhook-events"),
    ("post", "/api/v1/admin/webhook-events/{id}/replay"),
    ("get", "/api/v1/admin/reconciliations"),
    ("post", "/api/v1/admin/reconciliations"),
    ("get", "/api/v1/admin/reconciliations/{id}"),
}
# The same inputs at every run; few of them, as each is a real request.
BRIEFLY = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_the_schema_names_every_door(product: Product):
    schema = product.http.get("/api/schema?format=json").json()
    named = {(method, path) for path, methods in schema["paths"].items() for method in methods}
    assert named >= DOORS
    assert product.http.get("/api/docs").status_code == 200


@pytest.fixture(scope="module")
def doors(running_product: Product) -> list[Any]:
    """Read once for all who knock: to write the schema takes the product seconds."""
    schema = schemathesis.openapi.from_url(f"{running_product.url}/api/schema?format=json")
    return list(operations(schema))


def operations(schema: Any) -> Iterator[Any]:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


class Caller:
    """Signs in again where a door has signed them out."""

    def __init__(self, product: Product, who: str) -> None:
        self.product, self.who = product, who
        self.person: Person | None = None

    def headers(self) -> dict[str, str]:
        if self.who == "anonymous":
            return {}
        if self.person is None or self.person.http.get("/api/v1/me").status_code != 200:
            staff = f"{self.who}@example.com"
            new = self.who == "customer"
            self.person = self.product.person() if new else self.product.sign_in(staff)
        return {"Authorization": f"Bearer {self.person.access}"}


def knock(door: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    def once(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, case.as_curl_command()
        if answer.status_code >= 400:
            assert {"type", "errors"} <= answer.json().keys(), case.as_curl_command()

    knocking = BRIEFLY(given(case=door.as_strategy(generation_mode=mode))(once))
    # A door that takes nothing cannot be given anything wrong.
    with suppress(Unsatisfiable):
        knocking()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("who", ["anonymous", "customer", "admin"])
def test_no_input_breaks_a_door(product: Product, doors: list[Any], who: str, mode: GenerationMode):
    caller = Caller(product, who)
    assert len(doors) >= len(DOORS)
    for door in doors:
        knock(door, mode, caller.headers())
