"""Setup intents: keeping a card for later without charging it."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.cards import AUTHENTICATION_FAILED, DECLINES
from sandbox.errors import DOCS, InvalidRequest, StripeError
from sandbox.webhooks.events import emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World

from .payment_methods import attach, card_of, method_for
from .settled import tell


def make_setup(world: World, **fields: Any) -> Obj:
    setup = world.new("setup_intent", payment_method_types=["card"], **fields)
    setup["client_secret"] = f"{setup['id']}_secret_{random_text(20)}"
    world.add(setup)
    emit(world, "setup_intent.created", setup)
    return setup


def confirm_setup(
    world: World, setup: Obj, method: Obj, *, authenticated: bool = False
) -> StripeError | None:
    """Try the card. A refusal is returned rather than raised."""
    setup["payment_method"] = method["id"]
    card = card_of(world, method)
    if card.decline and not card.declines_once_attached:
        return _refuse(world, setup, method, card.decline)
    if card.authentication and not authenticated:
        page = world.link(f"/3ds/{setup['id']}")
        redirect = {"return_url": None, "url": page}
        setup.update(
            status="requires_action",
            next_action={"type": "redirect_to_url", "redirect_to_url": redirect},
        )
        emit(world, "setup_intent.requires_action", setup)
        return None
    if authenticated:
        world.notes(method["id"])["authenticated"] = True
    setup.update(status="succeeded", next_action=None, last_setup_error=None)
    emit(world, "setup_intent.succeeded", setup)
    if setup["customer"]:
        attach(world, method, setup["customer"])
    tell(world, setup)
    return None


def authenticate_setup(world: World, setup: Obj, succeeded: bool) -> StripeError | None:
    method = world.get("payment_method", setup["payment_method"])
    if succeeded:
        return confirm_setup(world, setup, method, authenticated=True)
    return _refuse(world, setup, method, None)


def _refuse(world: World, setup: Obj, method: Obj, reason: str | None) -> StripeError:
    decline = DECLINES[reason] if reason else AUTHENTICATION_FAILED
    code = decline.code if reason else "setup_intent_authentication_failure"
    error: dict[str, Any] = {
        "code": code,
        "doc_url": DOCS + code.replace("_", "-"),
        "message": decline.message,
        "payment_method": dict(method),
        "type": "card_error" if reason else "invalid_request_error",
    }
    if decline.code == "card_declined":
        error["decline_code"] = reason
    setup.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    emit(world, "setup_intent.setup_failed", setup)
    return StripeError(
        402, error["type"], error["message"], keeps_changes=True, code=code,
        decline_code=error.get("decline_code"), setup_intent=setup, payment_method=method,
    )  # fmt: skip


def _confirm(world: World, setup: Obj, params: dict[str, Any]) -> Obj:
    if setup["status"] in ("succeeded", "canceled"):
        raise InvalidRequest(
            f"You cannot confirm this SetupIntent because it has a status of {setup['status']}.",
            code="setup_intent_unexpected_state",
        )
    reference = params.get("payment_method") or setup["payment_method"]
    if not reference:
        raise InvalidRequest(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
        )
    if error := confirm_setup(world, setup, method_for(world, reference)):
        raise error
    return setup


@operation("POST", "/v1/setup_intents", "SetupIntentCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    if params.get("customer"):
        world.get("customer", params["customer"], "customer")
    setup = make_setup(
        world,
        customer=params.get("customer"),
        description=params.get("description"),
        usage=params.get("usage", "off_session"),
        metadata=merged({}, params.get("metadata")),
    )
    if params.get("payment_method"):
        setup["payment_method"] = method_for(world, params["payment_method"])["id"]
        setup["status"] = "requires_confirmation"
    return _confirm(world, setup, params) if params.get("confirm") else setup


@operation("GET", "/v1/setup_intents/{id}", "SetupIntentRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("setup_intent", call.id, "intent", in_url=True)


@operation("POST", "/v1/setup_intents/{id}/confirm", "SetupIntentConfirmParams")
def confirm(call: Call) -> Obj:
    return _confirm(call.world, retrieve(call), call.params)


@operation("POST", "/v1/setup_intents/{id}/cancel", "SetupIntentCancelParams")
def cancel(call: Call) -> Obj:
    setup = retrieve(call)
    if setup["status"] in ("succeeded", "canceled"):
        raise InvalidRequest(
            f"You cannot cancel this SetupIntent because it has a status of {setup['status']}.",
            code="setup_intent_unexpected_state",
        )
    setup.update(status="canceled", cancellation_reason=call.params.get("cancellation_reason"))
    emit(call.world, "setup_intent.canceled", setup)
    return setup


@operation("GET", "/v1/setup_intents", "SetupIntentListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "setup_intent", ("customer", "payment_method"))
