"""Confirming a payment intent: the card says yes, no, or asks for its owner."""

from typing import Any

from sandbox.cards import AUTHENTICATION_FAILED, DECLINES, Decline
from sandbox.errors import DOCS, InvalidRequest, StripeError
from sandbox.webhooks.events import emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

from .charges import make_charge
from .disputes import open_dispute_for_card
from .payment_methods import attach, card_of, used_up
from .settled import tell

_DEBIT_SECONDS = 4 * 24 * 3600


def confirm(
    world: World,
    intent: Obj,
    method: Obj,
    *,
    off_session: bool = False,
    authenticated: bool = False,
    return_url: str | None = None,
) -> StripeError | None:
    """Try to collect. A decline is returned rather than raised: most callers go on."""
    _check_method(world, intent, method)
    intent["payment_method"] = method["id"]
    card = card_of(world, method)
    set_up = world.rows[method["id"]].notes.get("authenticated")
    wanted = card.authentication == "always" or (
        card.authentication == "unless_set_up" and not set_up
    )
    if wanted and not authenticated:
        if off_session:
            return fail(world, intent, method, "authentication_required")
        _ask_owner(world, intent, return_url)
        return None
    if card.decline:
        return fail(world, intent, method, card.decline)
    if authenticated and (intent["setup_future_usage"] or intent["customer"]):
        world.notes(method["id"])["authenticated"] = True
    if method["type"] != "card":
        _process(world, intent)
        return None
    succeed(world, intent, method)
    return None


def _check_method(world: World, intent: Obj, method: Obj) -> None:
    if method["customer"] and method["customer"] != intent["customer"]:
        raise InvalidRequest(
            f"The customer does not have a payment method with the ID {method['id']}. The payment"
            " method must be attached to the customer."
            if intent["customer"]
            else f"The PaymentMethod {method['id']} belongs to a Customer. Please include the"
            " Customer in the `customer` parameter on the PaymentIntent.",
            "payment_method",
            "payment_method_unexpected_state" if not intent["customer"] else "resource_missing",
        )
    used_by = world.rows[method["id"]].notes.get("used")
    if not method["customer"] and used_by and used_by != intent["id"]:
        raise used_up()


def _ask_owner(world: World, intent: Obj, return_url: str | None) -> None:
    page = world.link(f"/3ds/{intent['id']}")
    intent["status"] = "requires_action"
    if return_url:
        redirect = {"return_url": return_url, "url": page}
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": page, "source": random_text(28)}
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    emit(world, "payment_intent.requires_action", intent)
    tell(world, intent)


def _process(world: World, intent: Obj) -> None:
    intent.update(status="processing", next_action=None, last_payment_error=None)
    world.notes(intent["id"])["settles_at"] = world.now() + _DEBIT_SECONDS
    emit(world, "payment_intent.processing", intent)
    tell(world, intent)


def succeed(world: World, intent: Obj, method: Obj) -> None:
    charge = make_charge(world, intent, method)
    intent.update(latest_charge=charge["id"], next_action=None, last_payment_error=None)
    world.notes(intent["id"])["settles_at"] = None
    if intent["customer"] and intent["setup_future_usage"] and not method["customer"]:
        attach(world, method, intent["customer"])
    if not method["customer"]:
        world.notes(method["id"])["used"] = intent["id"]
    if intent["capture_method"] == "manual":
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        emit(world, "charge.succeeded", charge)
        emit(world, "payment_intent.amount_capturable_updated", intent)
        return
    intent.update(status="succeeded", amount_received=intent["amount"])
    emit(world, "charge.succeeded", charge)
    emit(world, "payment_intent.succeeded", intent)
    tell(world, intent)
    open_dispute_for_card(world, charge, card_of(world, method))


def fail(
    world: World, intent: Obj, method: Obj, reason: str, *, in_authentication: bool = False
) -> StripeError:
    """Note a decline on the intent and return it as the error to answer with."""
    decline = AUTHENTICATION_FAILED if in_authentication else DECLINES[reason]
    asks_owner = reason == "authentication_required"
    charge = None
    if not in_authentication and not asks_owner:
        charge = make_charge(world, intent, method, decline=reason)
        intent["latest_charge"] = charge["id"]
    error = _payment_error(decline, reason, method, charge)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
    )
    world.notes(intent["id"])["settles_at"] = None
    emit(world, "payment_intent.payment_failed", intent)
    tell(world, intent)
    answer = {name: value for name, value in error.items() if name not in ("type", "message")}
    answer["payment_method"] = method
    return StripeError(
        402, error["type"], error["message"], keeps_changes=True, payment_intent=intent, **answer
    )


def _payment_error(
    decline: Decline, reason: str, method: Obj, charge: Obj | None
) -> dict[str, Any]:
    error: dict[str, Any] = {
        "code": decline.code,
        "doc_url": DOCS + decline.code.replace("_", "-"),
        "message": decline.message,
        "payment_method": dict(method),
        "type": "card_error" if decline is not AUTHENTICATION_FAILED else "invalid_request_error",
    }
    if charge:
        error["charge"] = charge["id"]
        error["advice_code"] = "try_again_later"
        error["network_decline_code"] = decline.network_code
    if decline.code in ("card_declined", "authentication_required"):
        error["decline_code"] = reason
    return error


def _debit_due(body: Obj, notes: dict[str, Any]) -> int | None:
    return notes.get("settles_at") if body["status"] == "processing" else None


@scheduled("payment_intent", _debit_due)
def debit_arrives(world: World, intent: Obj) -> None:
    settle_debit(world, intent, True)


def settle_debit(world: World, intent: Obj, succeeded: bool) -> None:
    """The bank debit went through after some days, or it did not."""
    method = world.get("payment_method", intent["payment_method"])
    if succeeded:
        succeed(world, intent, method)
    else:
        fail(world, intent, method, "insufficient_funds")


def authenticate(world: World, intent: Obj, succeeded: bool) -> StripeError | None:
    """What the card's owner said on their bank's page."""
    if intent["status"] != "requires_action":
        raise InvalidRequest(
            f"This PaymentIntent is not waiting for authentication: {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    method = world.get("payment_method", intent["payment_method"])
    if succeeded:
        return confirm(world, intent, method, authenticated=True)
    return fail(world, intent, method, "authentication_required", in_authentication=True)
