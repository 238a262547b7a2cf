"""Who may come in, what is refused, and what a repeated request does."""

from __future__ import annotations

import threading

import pytest
import stripe

from .desk import KEY, Desk


def test_the_account_of_a_key(desk: Desk) -> None:
    account = desk.v1.accounts.retrieve_current()
    assert account.id.startswith("acct_")
    assert account.charges_enabled


@pytest.mark.parametrize("key", ["sk_test_short", "sk_live_" + "a" * 24, "pk_test_" + "a" * 24])
def test_other_keys_are_refused(desk: Desk, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError):
        desk.client(key).v1.customers.list()


def test_without_a_key_the_answer_is_401(desk: Desk) -> None:
    answer = desk.http.get("/v1/customers")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_every_answer_names_its_request_and_version(desk: Desk) -> None:
    answer = desk.raw("GET", "/v1/customers", Stripe_Version="2026-05-27.dahlia")
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Stripe-Version"] == "2026-05-27.dahlia"


def test_another_family_of_versions_is_refused(desk: Desk) -> None:
    assert desk.raw("GET", "/v1/customers", Stripe_Version="2024-06-20").status_code == 400


def test_an_account_that_is_not_connected_is_403(desk: Desk) -> None:
    with pytest.raises(stripe.PermissionError):
        desk.v1.customers.list({}, {"stripe_account": "acct_unknown"})


def test_an_unknown_parameter_is_refused(desk: Desk) -> None:
    error = desk.raw("POST", "/v1/customers", "colour=red").json()["error"]
    assert (error["code"], error["param"]) == ("parameter_unknown", "colour")


def test_a_nested_unknown_parameter_is_named(desk: Desk) -> None:
    body = "mode=payment&line_items[0][prize]=x"
    error = desk.raw("POST", "/v1/checkout/sessions", body).json()["error"]
    assert error["param"] == "line_items[0][prize]"


def test_an_unknown_value_is_refused(desk: Desk) -> None:
    answer = desk.raw("POST", "/v1/checkout/sessions", "mode=gift&success_url=http://a.test")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "mode"


def test_a_missing_parameter_is_named(desk: Desk) -> None:
    error = desk.raw("POST", "/v1/payment_intents", "amount=100").json()["error"]
    assert (error["code"], error["param"]) == ("parameter_missing", "currency")


def test_an_unknown_id_in_the_url_is_404(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.customers.retrieve("cus_nobody")
    assert refused.value.http_status == 404
    assert refused.value.code == "resource_missing"


def test_an_unknown_id_in_a_parameter_is_400(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.subscription(customer="cus_nobody", price="price_x")
    assert (refused.value.http_status, refused.value.param) == (400, "customer")


def test_an_unknown_url_and_one_not_done_yet_differ(desk: Desk) -> None:
    assert desk.raw("GET", "/v1/nonsense").status_code == 404
    assert desk.raw("GET", "/v1/issuing/cards").status_code == 501


@pytest.mark.parametrize(
    "metadata",
    [{f"k{n}": "v" for n in range(51)}, {"k" * 41: "v"}, {"k": "v" * 501}],
    ids=["too many keys", "key too long", "value too long"],
)
def test_limits_of_metadata(desk: Desk, metadata: dict[str, str]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.customers.create({"metadata": metadata})


def test_metadata_is_merged_and_keys_can_be_removed(desk: Desk) -> None:
    id_ = desk.v1.customers.create({"metadata": {"a": "1", "b": "2"}}).id
    changed = desk.v1.customers.update(id_, {"metadata": {"b": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    assert desk.events("customer.updated")[0]["data"]["previous_attributes"] == {
        "metadata": {"b": "2", "c": None}
    }


def test_a_refused_request_changes_nothing(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.checkout(price="price_unknown")
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.subscriptions.create({"customer": desk.customer(None), "items": []})
    assert "customer.subscription.created" not in desk.types()


# -- idempotency


def test_the_same_key_twice_has_one_effect(desk: Desk) -> None:
    first = desk.raw("POST", "/v1/customers", "name=Ann", Idempotency_Key="k1")
    again = desk.raw("POST", "/v1/customers", "name=Ann", Idempotency_Key="k1")
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert desk.types() == ["customer.created"]
    assert desk.events()[0]["request"] == {
        "id": first.headers["Request-Id"],
        "idempotency_key": "k1",
    }


def test_the_same_key_with_other_parameters_is_refused(desk: Desk) -> None:
    desk.v1.customers.create({"name": "Ann"}, {"idempotency_key": "k2"})
    with pytest.raises(stripe.IdempotencyError):
        desk.v1.customers.create({"name": "Bea"}, {"idempotency_key": "k2"})


def test_a_decline_is_replayed_too(desk: Desk) -> None:
    body = (
        "amount=1000&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined"
        "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never"
    )
    first = desk.raw("POST", "/v1/payment_intents", body, Idempotency_Key="k3")
    again = desk.raw("POST", "/v1/payment_intents", body, Idempotency_Key="k3")
    assert first.status_code == again.status_code == 402
    assert again.headers["Idempotent-Replayed"] == "true"
    assert desk.types().count("payment_intent.payment_failed") == 1


def test_a_refused_parameter_does_not_use_the_key_up(desk: Desk) -> None:
    assert desk.raw("POST", "/v1/customers", "x=1", Idempotency_Key="k4").status_code == 400
    assert desk.raw("POST", "/v1/customers", "name=A", Idempotency_Key="k4").status_code == 200


def test_a_key_is_forgotten_after_a_day(desk: Desk) -> None:
    options = {"idempotency_key": "k5"}
    first = desk.v1.customers.create({"name": "Ann"}, options)
    desk.advance(25 / 24)
    assert desk.v1.customers.create({"name": "Ann"}, options).id != first.id


def test_a_key_in_use_is_409(desk: Desk) -> None:
    desk.control("faults", match="POST /v1/customers", mode="delay", seconds=1)
    answers: list[int] = []

    def create() -> None:
        client = desk.http.__class__(base_url=desk.url, trust_env=False)
        headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k6"}
        answers.append(client.post("/v1/customers", headers=headers).status_code)

    threads = [threading.Thread(target=create) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409, 409]


# -- lists, search, expand


def test_lists_go_page_by_page_either_way(desk: Desk) -> None:
    made = [desk.v1.customers.create({"name": str(n)}).id for n in range(5)][::-1]
    first = desk.v1.customers.list({"limit": 2})
    assert [c.id for c in first.data] == made[:2]
    assert first.has_more
    second = desk.v1.customers.list({"limit": 2, "starting_after": made[1]})
    assert [c.id for c in second.data] == made[2:4]
    back = desk.v1.customers.list({"limit": 2, "ending_before": made[3]})
    assert [c.id for c in back.data] == made[1:3]
    assert [c.id for c in first.auto_paging_iter()] == made


def test_lists_are_filtered(desk: Desk) -> None:
    desk.v1.customers.create({"email": "a@example.com"})
    b = desk.v1.customers.create({"email": "b@example.com"})
    assert [c.id for c in desk.v1.customers.list({"email": "b@example.com"}).data] == [b.id]
    assert desk.v1.customers.list({"created": {"gt": b.created + 10}}).data == []
    assert len(desk.v1.customers.list({"created": {"lte": b.created}}).data) == 2


def test_a_limit_above_a_hundred_is_refused(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.customers.list({"limit": 101})


def test_search(desk: Desk) -> None:
    desk.v1.customers.create({"metadata": {"user": "7"}, "email": "x@example.com"})
    wanted = desk.v1.customers.create({"metadata": {"user": "8"}, "email": "x@example.com"})
    query = "email:'x@example.com' AND metadata['user']:'8'"
    assert [c.id for c in desk.v1.customers.search({"query": query}).data] == [wanted.id]


def test_expanding(desk: Desk) -> None:
    subscription = desk.subscription(expand=["latest_invoice.payments", "customer"])
    assert subscription.customer.object == "customer"
    [payment] = subscription.latest_invoice.payments.data
    assert payment.payment.payment_intent.startswith("pi_")
    listed = desk.v1.subscriptions.list({"expand": ["data.default_payment_method"]})
    assert listed.data[0].id == subscription.id


def test_what_cannot_be_expanded_is_refused(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        desk.v1.customers.retrieve(desk.customer(), {"expand": ["colour"]})
