"""What happens when a person presses the button of a checkout page."""

from dataclasses import dataclass
from typing import Any

from sandbox.api.metadata import merged
from sandbox.errors import InvalidRequest, StripeError
from sandbox.webhooks.events import emit
from sandbox.world.rows import Obj, World

from .checkout_sessions import details
from .confirmation import confirm
from .customers import make_customer
from .discounts import make_discount
from .invoice_collection import changing_unless_new, collect
from .invoice_payments import intent_of
from .payment_intents import make_intent
from .payment_methods import attach
from .settled import when_settled
from .setup_intents import confirm_setup, make_setup
from .subscription_start import announce, bill_first, first_invoice, new_subscription


@dataclass(slots=True)
class Buyer:
    """What the person typed in."""

    email: str | None
    method: Obj | None = None
    name: str | None = None
    address: dict[str, Any] | None = None


def needs_method(session: Obj) -> bool:
    """Whether the page asks for a card."""
    free = not session["amount_total"] and session["mode"] != "setup"
    return not (free and session["payment_method_collection"] == "if_required")


def complete(world: World, session: Obj, buyer: Buyer) -> StripeError | None:
    """Buy. A decline is returned; what must be authenticated first leaves the session open."""
    check_open(world, session)
    if needs_method(session) and buyer.method is None:
        raise InvalidRequest("A card is needed.", "card", "parameter_missing")
    _note_buyer(world, session, buyer)
    act = {"payment": _pay, "subscription": _subscribe, "setup": _set_up}[session["mode"]]
    decline = act(world, session, buyer)
    if decline is None:
        conclude(world, session)
    return decline


def check_open(world: World, session: Obj) -> None:
    if session["status"] == "complete":
        raise InvalidRequest(
            "This Checkout Session has already been completed.", code="checkout_session_completed"
        )
    if session["status"] != "open" or session["expires_at"] <= world.now():
        raise InvalidRequest("This Checkout Session has expired.", code="checkout_session_expired")


def _note_buyer(world: World, session: Obj, buyer: Buyer) -> None:
    customer = world.find("customer", session["customer"])
    email = buyer.email or (customer or {}).get("email") or session["customer_email"]
    if not email:
        raise InvalidRequest("An email address is needed.", "email", "parameter_missing")
    # A session for a known customer keeps to that customer's address of mail.
    email = (customer or {}).get("email") or email
    session["customer_details"] = details(
        email=email, name=buyer.name, address=buyer.address, tax_exempt="none", tax_ids=[]
    )
    if buyer.method:
        buyer.method["billing_details"]["email"] = email
    data = world.rows[session["id"]].notes["params"].get("payment_intent_data") or {}
    wanted = session["customer_creation"] == "always" or data.get("setup_future_usage")
    if customer is None and wanted:
        made = make_customer(world, email=email, name=buyer.name, address=buyer.address)
        session["customer"] = made["id"]


# -- payment


def _pay(world: World, session: Obj, buyer: Buyer) -> StripeError | None:
    if session["amount_total"] == 0:
        return None
    assert buyer.method is not None
    intent = world.find("payment_intent", session["payment_intent"])
    if intent is None:
        intent = _intent(world, session)
        session["payment_intent"] = intent["id"]
    intent["amount"] = session["amount_total"]
    return_url = world.link(f"/checkout/{session['id']}")
    return confirm(world, intent, buyer.method, return_url=return_url)


def _intent(world: World, session: Obj) -> Obj:
    data = dict(world.notes(session["id"])["params"].get("payment_intent_data") or {})
    names = ("description", "receipt_email", "setup_future_usage", "statement_descriptor",
             "statement_descriptor_suffix", "transfer_group", "on_behalf_of",
             "application_fee_amount")  # fmt: skip
    intent = make_intent(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        metadata=merged({}, data.get("metadata")),
        payment_method_types=session["payment_method_types"],
        capture_method=data.get("capture_method", "automatic_async"),
        **{name: data[name] or None for name in names if name in data},
    )
    world.notes(intent["id"])["session"] = session["id"]
    return intent


# -- subscription


def _subscribe(world: World, session: Obj, buyer: Buyer) -> StripeError | None:
    notes = world.notes(session["id"])
    if session["amount_total"] == 0:
        return _subscribe_for_nothing_yet(world, session, buyer)
    known = world.find("subscription", notes.get("subscription"))
    if known and known["status"] == "incomplete":
        invoice = world.get("invoice", notes["invoice"])
        return _take_over(world, session, buyer, collect(world, invoice, buyer.method))
    subscription, invoice = _make_subscription(world, session)
    decline = bill_first(world, subscription, invoice, buyer.method, "allow_incomplete")
    if intent := intent_of(world, invoice):
        world.notes(intent["id"])["session"] = session["id"]
    return _take_over(world, session, buyer, decline)


def _take_over(
    world: World, session: Obj, buyer: Buyer, decline: StripeError | None
) -> StripeError | None:
    notes = world.notes(session["id"])
    notes["method"] = buyer.method["id"] if buyer.method else None
    subscription = world.get("subscription", notes["subscription"])
    if decline and not world.rows[subscription["id"]].notes.get("announced"):
        announce(world, subscription)
    return decline


def _subscribe_for_nothing_yet(world: World, session: Obj, buyer: Buyer) -> StripeError | None:
    """A trial, or wholly discounted: the card is only put aside for later."""
    notes = world.notes(session["id"])
    if buyer.method is None:
        start_for_nothing(world, session)
        return None
    setup = world.find("setup_intent", notes.get("setup"))
    if setup is None:
        setup = make_setup(world, customer=session["customer"])
        world.notes(setup["id"])["session"] = session["id"]
        notes["setup"] = setup["id"]
    notes["method"] = buyer.method["id"]
    return confirm_setup(world, setup, buyer.method)


def start_for_nothing(world: World, session: Obj) -> None:
    subscription, invoice = _make_subscription(world, session)
    bill_first(world, subscription, invoice, None, "allow_incomplete")


def _make_subscription(world: World, session: Obj) -> tuple[Obj, Obj]:
    notes = world.notes(session["id"])
    data = dict(notes["params"].get("subscription_data") or {})
    recurring: list[Obj] = []
    one_time: list[Obj] = []
    for line in notes["lines"]:
        price = world.get("price", line["price"])
        # What was on offer when the page opened is sold, though it may be archived by now.
        (recurring if price["recurring"] else one_time).append({**line, "price": price})
    customer = world.get("customer", session["customer"])
    wanted = {**data, "items": [_as_item(line) for line in recurring]}
    subscription = new_subscription(world, customer, {**wanted, "discounts": _discounts(session)})
    invoice = first_invoice(world, customer, subscription, one_time)
    notes.update(subscription=subscription["id"], invoice=invoice["id"])
    session.update(subscription=subscription["id"], invoice=invoice["id"])
    return subscription, invoice


def _as_item(line: Obj) -> Obj:
    return {"price": line["price"]["id"], "quantity": line["quantity"], "archived": True}


def _discounts(session: Obj) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in item.items() if value}
        for item in session["discounts"] or []
    ]


# -- setup


def _set_up(world: World, session: Obj, buyer: Buyer) -> StripeError | None:
    assert buyer.method is not None
    setup = world.get("setup_intent", session["setup_intent"])
    setup["customer"] = session["customer"]
    return confirm_setup(world, setup, buyer.method)


# -- the end of it


@when_settled
def checkout_heard(world: World, intent: Obj) -> None:
    session = world.find("checkout.session", world.rows[intent["id"]].notes.get("session"))
    if session is None:
        return
    if session["status"] == "open":
        conclude(world, session)
    elif session["payment_status"] == "unpaid" and session["status"] == "complete":
        if intent["status"] == "succeeded":
            session["payment_status"] = "paid"
            emit(world, "checkout.session.async_payment_succeeded", session)
        elif intent["status"] == "requires_payment_method":
            emit(world, "checkout.session.async_payment_failed", session)


def conclude(world: World, session: Obj) -> None:
    """Close the session if what it was for is done. Safe to call at any time."""
    if session["status"] != "open":
        return
    done = {"payment": _paid, "subscription": _subscribed, "setup": _is_set_up}
    payment_status = done[session["mode"]](world, session)
    if payment_status is None:
        return
    session.update(status="complete", payment_status=payment_status, url=None)
    if session["mode"] == "payment" and session["customer"]:
        for discount in _discounts(session):
            make_discount(world, discount, session["customer"], session["currency"],
                          checkout_session=session["id"])  # fmt: skip
    emit(world, "checkout.session.completed", session)


def _paid(world: World, session: Obj) -> str | None:
    if session["amount_total"] == 0:
        return "no_payment_required"
    intent = world.get("payment_intent", session["payment_intent"])
    return {"succeeded": "paid", "processing": "unpaid", "requires_capture": "unpaid"}.get(
        intent["status"]
    )


def _subscribed(world: World, session: Obj) -> str | None:
    notes = world.notes(session["id"])
    if "subscription" not in notes:
        setup = world.find("setup_intent", notes.get("setup"))
        if setup is None or setup["status"] != "succeeded":
            return None
        start_for_nothing(world, session)
    subscription = world.get("subscription", notes["subscription"])
    invoice = world.get("invoice", notes["invoice"])
    intent = intent_of(world, invoice)
    processing = bool(intent and intent["status"] == "processing")
    if subscription["status"] == "incomplete" and not processing:
        return None
    with changing_unless_new(world, subscription):
        subscription["status"] = "active" if processing else subscription["status"]
        if method := world.find("payment_method", _used_method(notes, intent)):
            attach(world, method, session["customer"])
            subscription["default_payment_method"] = method["id"]
    if not world.rows[subscription["id"]].notes.get("announced"):
        announce(world, subscription)
    if not session["amount_total"]:
        return "no_payment_required"
    return "unpaid" if processing else "paid"


def _used_method(notes: dict[str, Any], intent: Obj | None) -> str | None:
    return (intent or {}).get("payment_method") or notes.get("method")


def _is_set_up(world: World, session: Obj) -> str | None:
    setup = world.get("setup_intent", session["setup_intent"])
    return "no_payment_required" if setup["status"] == "succeeded" else None
