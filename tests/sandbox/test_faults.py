"""Misbehaving on request."""

from __future__ import annotations

import time

import httpx
import pytest
import stripe

from .desk import Desk


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_status(desk: Desk, status: int) -> None:
    desk.control("faults", match="POST /v1/customers", mode="status", status=status)
    with pytest.raises(stripe.StripeError) as failed:
        desk.v1.customers.create({})
    assert failed.value.http_status == status
    assert desk.types() == []
    assert desk.v1.customers.create({}).id


def test_the_client_is_told_whether_to_try_again(desk: Desk) -> None:
    fault = {"match": "POST /v1/customers", "mode": "status", "status": 500}
    desk.control("faults", **fault, retry_header=False)
    answer = desk.raw("POST", "/v1/customers", "name=a")
    assert answer.headers["Stripe-Should-Retry"] == "false"
    desk.control("faults", **fault, retry_header=True)
    assert desk.client(max_network_retries=1).v1.customers.create({}).id


def test_only_what_matches(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers/.*/sources", mode="status", times=5)
    assert desk.v1.customers.create({}).id
    desk.http.delete("/_sandbox/faults")
    assert desk.http.get("/_sandbox/faults").json() == []


def test_no_answer_and_no_effect(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers", mode="reset_before")
    with pytest.raises(httpx.TransportError):
        desk.raw("POST", "/v1/customers", "name=a", Idempotency_Key="f1")
    assert desk.types() == []


def test_an_effect_whose_answer_is_lost(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers", mode="reset_after")
    with pytest.raises(httpx.TransportError):
        desk.raw("POST", "/v1/customers", "name=a", Idempotency_Key="f2")
    assert desk.types() == ["customer.created"]
    again = desk.raw("POST", "/v1/customers", "name=a", Idempotency_Key="f2")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert desk.types() == ["customer.created"]


def test_the_clients_own_retry_survives_a_lost_answer(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers", mode="reset_after")
    made = desk.client(max_network_retries=2).v1.customers.create({"name": "Ann"})
    assert [c.id for c in desk.v1.customers.list().data] == [made.id]


@pytest.mark.parametrize("mode", ["delay", "slow_drip"])
def test_slowness(desk: Desk, mode: str) -> None:
    desk.control("faults", match="GET /v1/customers", mode=mode, seconds=0.5)
    started = time.monotonic()
    assert desk.v1.customers.list().data == []
    assert time.monotonic() - started > 0.45


def test_requests_are_kept_to_be_looked_at(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers", mode="status", status=503)
    desk.raw("POST", "/v1/customers", "name=a", Idempotency_Key="f3")
    [newest] = desk.http.get("/_sandbox/requests", params={"match": "POST /v1/cust"}).json()
    assert (newest["status"], newest["fault"], newest["params"]) == (503, "status", "name=a")
    assert newest["idempotency_key"] == "f3"


def test_the_client_is_told_when_to_come_back(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers", mode="status", status=429, retry_after=7)
    assert desk.raw("POST", "/v1/customers", "name=a").headers["Retry-After"] == "7"
