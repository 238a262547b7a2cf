"""Checkout sessions: opening, reading, changing, expiring."""

from typing import Any

from sandbox.api.expand import extra
from sandbox.api.lists import listed, page
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import emit
from sandbox.world.rows import Obj, Row, World
from sandbox.world.schedule import scheduled

from . import checkout_discounts
from .checkout_rules import check_parameters
from .checkout_totals import add_up, check_total, chosen_prices, line_items
from .invoice_payments import intent_of
from .payment_intents import cancel_intent
from .setup_intents import make_setup

_PLAIN = ("allow_promotion_codes", "billing_address_collection", "cancel_url",
          "client_reference_id", "customer", "customer_email", "locale", "submit_type",
          "success_url")  # fmt: skip
DAY = 24 * 3600


@operation("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    mode = check_parameters(world, params)
    lines = chosen_prices(world, mode, params.get("line_items") or [])
    data = params.get("subscription_data") or {}
    trial = bool(data.get("trial_period_days") or data.get("trial_end"))
    session = world.new(
        "checkout.session",
        mode=mode,
        currency=lines[0]["price"]["currency"] if lines else params.get("currency", "usd"),
        expires_at=params.get("expires_at", world.now() + DAY),
        metadata=merged({}, params.get("metadata")),
        **{name: params[name] for name in _PLAIN if name in params},
    )
    session["payment_method_types"] = _offered(session, params)
    if "payment_method_types" not in params:
        configuration = {"id": "pmc_1Sandbox", "parent": None}
        session["payment_method_configuration_details"] = configuration
    session["discounts"] = None if mode == "setup" else []
    _set_collection(world, session, params)
    items = line_items(world, lines, trial)
    world.add(session, items=items, params=params, lines=[_line(line) for line in lines])
    if mode == "setup":
        _prepare_setup(world, session)
    else:
        add_up(session, items, [0] * len(items))
        for discount in (params.get("discounts") or [])[:1]:
            checkout_discounts.apply(world, session, discount)
        check_total(session)
        if session["amount_total"] == 0:
            session["payment_status"] = "no_payment_required"
    session["url"] = world.link(f"/checkout/{session['id']}")
    return session


def _line(line: Obj) -> Obj:
    return {"price": line["price"]["id"], "quantity": line["quantity"]}


def _offered(session: Obj, params: dict[str, Any]) -> list[str]:
    """What was asked for; otherwise cards, and the bank debit of the currency."""
    if "payment_method_types" in params:
        return list(params["payment_method_types"])
    debit = {"usd": "us_bank_account", "eur": "sepa_debit"}.get(session["currency"])
    return ["card", debit] if debit and session["mode"] != "setup" else ["card"]


def waiting_intent(world: World, session: Obj) -> Obj | None:
    """The intent of this session that waits for its card's owner."""
    ids = [session["payment_intent"], session["setup_intent"]]
    ids.append(world.rows[session["id"]].notes.get("setup"))
    if invoice := world.find("invoice", session["invoice"]):
        ids.append((intent_of(world, invoice) or {}).get("id"))
    for id_ in ids:
        if id_ and world.rows[id_].body["status"] == "requires_action":
            return world.body(id_)
    return None


def _set_collection(world: World, session: Obj, params: dict[str, Any]) -> None:
    mode = session["mode"]
    session["payment_method_collection"] = params.get(
        "payment_method_collection", "always" if mode != "payment" else "if_required"
    )
    tax = params.get("automatic_tax") or {}
    session["automatic_tax"] = {
        "enabled": bool(tax.get("enabled")),
        "liability": {"type": "self"} if tax.get("enabled") else None,
        "provider": "stripe" if tax.get("enabled") else None,
        "status": "requires_location_inputs" if tax.get("enabled") else None,
    }
    email = session["customer_email"]
    if session["customer"]:
        customer = world.get("customer", session["customer"], "customer")
        email = customer["email"]
        if mode != "setup":
            session["saved_payment_method_options"] = {
                "allow_redisplay_filters": ["always"],
                "payment_method_remove": "disabled",
                "payment_method_save": None,
            }
    elif mode == "payment":
        session["customer_creation"] = params.get("customer_creation", "if_required")
    else:
        session["customer_creation"] = "always"
    if email:
        exempt = None if mode == "setup" else "none"
        session["customer_details"] = details(email=email, tax_exempt=exempt)
    if mode == "payment":
        session["invoice_creation"] = {
            "enabled": bool((params.get("invoice_creation") or {}).get("enabled")),
            "invoice_data": {
                "account_tax_ids": None, "custom_fields": None, "description": None,
                "footer": None, "issuer": None, "metadata": {}, "rendering_options": None,
            },
        }  # fmt: skip


def details(**known: Any) -> Obj:
    return {
        "address": None, "business_name": None, "email": None, "individual_name": None,
        "name": None, "phone": None, "tax_exempt": None, "tax_ids": None, **known,
    }  # fmt: skip


def _prepare_setup(world: World, session: Obj) -> None:
    data = world.notes(session["id"])["params"].get("setup_intent_data") or {}
    setup = make_setup(
        world,
        customer=session["customer"],
        description=data.get("description"),
        metadata=merged({}, data.get("metadata")),
    )
    world.notes(setup["id"])["session"] = session["id"]
    session.update(setup_intent=setup["id"], payment_status="no_payment_required")


@operation("GET", "/v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("checkout.session", call.id, "session", in_url=True)


@operation("POST", "/v1/checkout/sessions/{id}", "checkout.SessionUpdateParams")
def update(call: Call) -> Obj:
    session = retrieve(call)
    session["metadata"] = merged(session["metadata"], call.params.get("metadata"))
    return session


@operation("POST", "/v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams")
def expire(call: Call) -> Obj:
    session = retrieve(call)
    if session["status"] != "open":
        raise InvalidRequest(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session'
            f" has a status of `{session['status']}`."
        )
    expire_session(call.world, session)
    return session


def _expires(body: Obj, notes: dict[str, Any]) -> int | None:
    return body["expires_at"] if body["status"] == "open" else None


@scheduled("checkout.session", _expires)
def expire_session(world: World, session: Obj) -> None:
    session.update(status="expired", url=None)
    intent = world.find("payment_intent", session["payment_intent"])
    if intent and intent["status"] not in ("succeeded", "canceled", "processing"):
        cancel_intent(world, intent, "automatic")
    emit(world, "checkout.session.expired", session)


@extra("checkout.session", "line_items")
def items_of(world: World, session: Obj) -> Obj:
    items = world.rows[session["id"]].notes["items"]
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return {"object": "list", "data": items, "has_more": False, "url": url}


@operation("GET", "/v1/checkout/sessions/{id}/line_items", "checkout.SessionListLineItemsParams")
def list_line_items(call: Call) -> Obj:
    retrieve(call)
    return page(call, call.world.rows[call.id].notes["items"])


@operation("GET", "/v1/checkout/sessions", "checkout.SessionListParams")
def list_all(call: Call) -> Obj:
    email = (call.params.get("customer_details") or {}).get("email")

    def fits(row: Row) -> bool:
        return not email or (row.body["customer_details"] or {}).get("email") == email

    return listed(
        call,
        "checkout.session",
        ("customer", "payment_intent", "status", "subscription"),
        fits,
    )
