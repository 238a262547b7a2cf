"""Payment methods: the test cards, and the two kinds of bank debit that settle later."""

import hashlib
from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.cards import CARDS, DECLINES, NAMES, Card, passes_luhn
from sandbox.errors import InvalidRequest, StripeError
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

_PLAIN = Card()
_DEBITS: dict[str, dict[str, Any]] = {
    "us_bank_account": {
        "account_holder_type": "individual", "account_type": "checking",
        "bank_name": "STRIPE TEST BANK", "financial_connections_account": None,
        "fingerprint": "FFDMA0xfhBjWSZLu", "last4": "6789",
        "networks": {"preferred": "ach", "supported": ["ach"]}, "routing_number": "110000000",
        "status_details": {},
    },
    "sepa_debit": {
        "bank_code": "37040044", "branch_code": "", "country": "DE", "fingerprint": "vifs0Ho7",
        "generated_from": {"charge": None, "setup_attempt": None}, "last4": "3000",
    },
}  # fmt: skip


def card_of(world: World, method: Obj) -> Card:
    number = world.rows[method["id"]].notes.get("number")
    return CARDS.get(number or "", _PLAIN)


def make_card(
    world: World,
    number: str,
    *,
    expiry: tuple[int, int] = (12, 2034),
    details: dict[str, Any] | None = None,
) -> Obj:
    card = CARDS.get(number, _PLAIN)
    method = world.new("payment_method", type="card", billing_details=billing(details))
    method["card"] = {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass",
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": expiry[0],
        "exp_year": expiry[1],
        "fingerprint": hashlib.sha256(number.encode()).hexdigest()[:16],
        "funding": "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }  # fmt: skip
    return world.add(method, number=number)


def make_debit(world: World, type_: str, details: dict[str, Any] | None = None) -> Obj:
    if type_ not in _DEBITS:
        raise InvalidRequest(f"The sandbox has no payment method of type {type_}.", "type")
    method = world.new("payment_method", type=type_, billing_details=billing(details))
    method[type_] = dict(_DEBITS[type_])
    return world.add(method)


def billing(details: dict[str, Any] | None) -> dict[str, Any]:
    given = details or {}
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    address = given.get("address") or {}
    return {
        "address": {name: address.get(name) or None for name in names},
        **{name: given.get(name) or None for name in ("email", "name", "phone", "tax_id")},
    }


def check_number(number: str) -> str:
    """The digits of a card number that the sandbox knows; raises the error Stripe gives."""
    digits = "".join(c for c in number if c.isdigit())
    if not 12 <= len(digits) <= 19 or not passes_luhn(digits):
        code = "incorrect_number" if len(digits) >= 12 else "invalid_number"
        message = "Your card number is incorrect." if digits else "Your card number is incomplete."
        raise StripeError(402, "card_error", message, code=code, param="number")
    if digits not in CARDS:
        raise StripeError(
            402,
            "card_error",
            "Your card was declined. Your request was in test mode, but used a non test card. For a"
            " list of valid test cards, visit: https://stripe.com/docs/testing.",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    return digits


def method_for(world: World, reference: str, param: str = "payment_method") -> Obj:
    """A payment method by its id or by a name such as `pm_card_visa`, which makes a new one."""
    for prefix in ("pm_card_", "tok_"):
        name = reference.removeprefix(prefix)
        if name != reference and name in NAMES:
            return make_card(world, NAMES[name])
    if reference == "pm_usBankAccount_success":
        return make_debit(world, "us_bank_account")
    return world.get("payment_method", reference, param)


def attach(world: World, method: Obj, customer: str) -> Obj:
    """Attach to a customer; does nothing when it is theirs already."""
    if method["customer"] == customer:
        return method
    if method["customer"]:
        raise InvalidRequest(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    if world.notes(method["id"]).get("used"):
        raise used_up()
    method["customer"] = customer
    emit(world, "payment_method.attached", method)
    return method


def used_up() -> InvalidRequest:
    return InvalidRequest(
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
        " attachment, shared with a connected account without Customer attachment, or was detached"
        " from a Customer. It may not be used again. To use a PaymentMethod multiple times, you"
        " must attach it to a Customer first.",
        "payment_method",
    )


@operation("POST", "/v1/payment_methods", "PaymentMethodCreateParams")
def create(call: Call) -> Obj:
    params, world = call.params, call.world
    if params.get("type") != "card":
        method = make_debit(world, params.get("type", "card"), params.get("billing_details"))
    else:
        card = params.get("card") or {}
        token = card.get("token", "").removeprefix("tok_")
        if token and token not in NAMES:
            raise InvalidRequest(f"No such token: 'tok_{token}'", "card[token]", "resource_missing")
        number = NAMES[token] if token else check_number(str(card.get("number", "")))
        expiry = (card.get("exp_month", 12), card.get("exp_year", 2034))
        method = make_card(world, number, expiry=expiry, details=params.get("billing_details"))
    method["metadata"] = merged({}, params.get("metadata"))
    return method


@operation("GET", "/v1/payment_methods/{id}", "PaymentMethodRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("payment_method", call.id, "payment_method", in_url=True)


@operation("POST", "/v1/payment_methods/{id}", "PaymentMethodUpdateParams")
def update(call: Call) -> Obj:
    method = retrieve(call)
    with changing(call.world, "payment_method.updated", method):
        method["metadata"] = merged(method["metadata"], call.params.get("metadata"))
        if details := call.params.get("billing_details"):
            known = method["billing_details"]
            address = {**known["address"], **(details.get("address") or {})}
            method["billing_details"] = billing({**known, **details, "address": address})
        for name in ("exp_month", "exp_year"):
            if name in (call.params.get("card") or {}):
                method["card"][name] = call.params["card"][name]
    return method


@operation("POST", "/v1/payment_methods/{id}/attach", "PaymentMethodAttachParams")
def attach_to_customer(call: Call) -> Obj:
    world = call.world
    if call.id.startswith(("pm_card_", "tok_")):
        method = method_for(world, call.id)
    else:
        method = retrieve(call)
    customer = world.get("customer", call.params["customer"], "customer")
    card = card_of(world, method)
    if card.decline and not card.declines_once_attached:
        raise declined_card(card.decline)
    return attach(world, method, customer["id"])


def declined_card(reason: str) -> StripeError:
    decline = DECLINES[reason]
    return StripeError(
        402,
        "card_error",
        decline.message,
        code=decline.code,
        decline_code=reason if decline.code == "card_declined" else None,
        advice_code="try_again_later" if reason == "generic_decline" else None,
        network_decline_code=decline.network_code,
        param="",
    )


@operation("POST", "/v1/payment_methods/{id}/detach", "PaymentMethodDetachParams")
def detach(call: Call) -> Obj:
    method, world = retrieve(call), call.world
    if not method["customer"]:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible."
        )
    customer = world.find("customer", method["customer"])
    with changing(world, "payment_method.detached", method):
        method["customer"] = None
    world.notes(method["id"])["used"] = True
    settings = customer["invoice_settings"] if customer else {}
    if customer and settings["default_payment_method"] == method["id"]:
        with changing(world, "customer.updated", customer):
            settings["default_payment_method"] = None
    for subscription in world.select("subscription", default_payment_method=method["id"]):
        with changing(world, "customer.subscription.updated", subscription):
            subscription["default_payment_method"] = None
    return method


@operation("GET", "/v1/payment_methods", "PaymentMethodListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "payment_method", ("customer", "type"))


@operation("GET", "/v1/customers/{customer}/payment_methods", "CustomerPaymentMethodListParams")
def list_of_customer(call: Call) -> Obj:
    customer = call.world.get("customer", call.id, "customer", in_url=True)
    return listed(
        call, "payment_method", ("type",), lambda row: row.body["customer"] == customer["id"]
    )


@operation(
    "GET", "/v1/customers/{customer}/payment_methods/{id}", "CustomerPaymentMethodRetrieveParams"
)
def retrieve_of_customer(call: Call) -> Obj:
    method = retrieve(call)
    if method["customer"] != call.ids[0]:
        raise InvalidRequest(
            f"No such PaymentMethod: '{call.id}'", "payment_method", "resource_missing", 404
        )
    return method
