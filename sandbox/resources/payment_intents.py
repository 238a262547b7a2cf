"""Payment intents: one payment from its first mention to its end."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.api.search import searched
from sandbox.errors import InvalidRequest
from sandbox.money import check_charge, check_currency
from sandbox.webhooks.events import changing, emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World

from .charges import capture as capture_charge
from .confirmation import confirm
from .payment_methods import make_card, make_debit, method_for

_PLAIN = ("description", "receipt_email", "setup_future_usage", "statement_descriptor",
          "statement_descriptor_suffix", "transfer_group", "on_behalf_of",
          "application_fee_amount")  # fmt: skip
_CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def make_intent(world: World, *, amount: int, currency: str, **fields: Any) -> Obj:
    intent = world.new("payment_intent", amount=amount, currency=currency, **fields)
    intent["client_secret"] = f"{intent['id']}_secret_{random_text(25)}"
    world.add(intent)
    emit(world, "payment_intent.created", intent)
    return intent


def _methods(params: dict[str, Any]) -> dict[str, Any]:
    """Which payment methods are offered: those named, or those of the dashboard."""
    if "payment_method_types" in params:
        return {"payment_method_types": params["payment_method_types"]}
    automatic = params.get("automatic_payment_methods") or {"enabled": True}
    if not automatic["enabled"]:
        return {"payment_method_types": ["card"]}
    redirects = automatic.get("allow_redirects", "always")
    return {
        "automatic_payment_methods": {"allow_redirects": redirects, "enabled": True},
        "payment_method_types": ["card", "link"],
        "payment_method_configuration_details": {"id": "pmc_1Sandbox", "parent": None},
    }


def _shipping(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {
        "address": {name: given["address"].get(name) for name in names},
        **{name: given.get(name) for name in ("carrier", "name", "phone", "tracking_number")},
    }


@operation("POST", "/v1/payment_intents", "PaymentIntentCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    currency = check_currency(params["currency"])
    check_charge(params["amount"], currency)
    if params.get("customer"):
        world.get("customer", params["customer"], "customer")
    if not params.get("confirm") and "off_session" in params:
        raise InvalidRequest(
            "You cannot set `off_session` without setting `confirm=true`.", "off_session"
        )
    intent = make_intent(
        world,
        amount=params["amount"],
        currency=currency,
        customer=params.get("customer"),
        metadata=merged({}, params.get("metadata")),
        capture_method=params.get("capture_method", "automatic_async"),
        shipping=_shipping(params.get("shipping")),
        **{name: params[name] or None for name in _PLAIN if name in params},
        **_methods(params),
    )
    _take_method(world, intent, params)
    return _confirm(world, intent, params) if params.get("confirm") else intent


def _take_method(world: World, intent: Obj, params: dict[str, Any]) -> None:
    method = None
    if data := params.get("payment_method_data"):
        if data["type"] == "card":
            method = make_card(world, "4242424242424242", details=data.get("billing_details"))
        else:
            method = make_debit(world, data["type"], data.get("billing_details"))
    elif params.get("payment_method"):
        method = method_for(world, params["payment_method"])
    if method:
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"


def _confirm(world: World, intent: Obj, params: dict[str, Any]) -> Obj:
    check_confirmable(intent)
    _take_method(world, intent, params)
    if not intent["payment_method"]:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    _check_return_url(intent, params)
    if params.get("setup_future_usage"):
        intent["setup_future_usage"] = params["setup_future_usage"]
    decline = confirm(
        world,
        intent,
        world.get("payment_method", intent["payment_method"], "payment_method"),
        off_session=bool(params.get("off_session")),
        return_url=params.get("return_url"),
    )
    if decline:
        raise decline
    return intent


def _check_return_url(intent: Obj, params: dict[str, Any]) -> None:
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["allow_redirects"] == "always"
    if redirects and not params.get("return_url") and not params.get("off_session"):
        raise InvalidRequest(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard."
            " Because some of these payment methods might redirect your customer off of your page,"
            " you must provide a `return_url`. If you don't want to accept redirect-based payment"
            " methods, set `automatic_payment_methods[enabled]` to `true` and"
            " `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents"
            " and Payment Intents.",
            "return_url",
        )


def check_confirmable(intent: Obj) -> None:
    if intent["status"] in ("succeeded", "canceled", "processing", "requires_capture"):
        raise _unexpected(intent, "confirm")


def _unexpected(intent: Obj, verb: str) -> InvalidRequest:
    status = intent["status"]
    why = f"it has a status of {status}"
    if verb == "confirm" and status == "succeeded":
        why = "it has already succeeded after being previously confirmed"
    return InvalidRequest(
        f"You cannot {verb} this PaymentIntent because {why}.",
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )


@operation("GET", "/v1/payment_intents/{id}", "PaymentIntentRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("payment_intent", call.id, "intent", in_url=True)


@operation("POST", "/v1/payment_intents/{id}", "PaymentIntentUpdateParams")
def update(call: Call) -> Obj:
    world, params, intent = call.world, call.params, retrieve(call)
    money = {"amount", "currency", "payment_method", "customer"} & params.keys()
    if money and intent["status"] not in _CHANGEABLE:
        raise InvalidRequest(
            f"This PaymentIntent's {sorted(money)[0]} could not be updated because it has a status"
            f" of {intent['status']}. You may only update the {sorted(money)[0]} of a"
            " PaymentIntent with one of the following statuses: requires_payment_method,"
            " requires_confirmation.",
            sorted(money)[0],
            "payment_intent_unexpected_state",
            payment_intent=intent,
        )
    if params.get("customer"):
        world.get("customer", params["customer"], "customer")
    for name in ("amount", "customer", *_PLAIN):
        if name in params:
            intent[name] = params[name] or None
    if "currency" in params:
        intent["currency"] = check_currency(params["currency"])
    check_charge(intent["amount"], intent["currency"])
    intent["metadata"] = merged(intent["metadata"], params.get("metadata"))
    _take_method(world, intent, params)
    return intent


@operation("POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams")
def confirm_it(call: Call) -> Obj:
    return _confirm(call.world, retrieve(call), call.params)


@operation("POST", "/v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams")
def capture(call: Call) -> Obj:
    world, intent = call.world, retrieve(call)
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "capture")
    amount: int = call.params.get("amount_to_capture") or intent["amount_capturable"]
    if not 0 < amount <= intent["amount_capturable"]:
        raise InvalidRequest(
            "The amount to capture must be at most the amount capturable.", "amount_to_capture"
        )
    charge = world.get("charge", intent["latest_charge"])
    capture_charge(world, charge, amount)
    emit(world, "charge.captured", charge)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    emit(world, "payment_intent.succeeded", intent)
    return intent


@operation("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams")
def cancel(call: Call) -> Obj:
    intent = retrieve(call)
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise _unexpected(intent, "cancel")
    cancel_intent(call.world, intent, call.params.get("cancellation_reason"))
    return intent


def cancel_intent(world: World, intent: Obj, reason: str | None = None) -> None:
    with_capture = intent["status"] == "requires_capture"
    intent.update(
        status="canceled",
        canceled_at=world.now(),
        cancellation_reason=reason,
        next_action=None,
        amount_capturable=0,
    )
    if with_capture:
        charge = world.get("charge", intent["latest_charge"])
        with changing(world, "charge.refunded", charge):
            charge.update(refunded=True, amount_refunded=charge["amount"])
    emit(world, "payment_intent.canceled", intent)


@operation("GET", "/v1/payment_intents", "PaymentIntentListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "payment_intent", ("customer",))


@operation("GET", "/v1/payment_intents/search", "PaymentIntentSearchParams")
def search(call: Call) -> Obj:
    return searched(call, "payment_intent")
