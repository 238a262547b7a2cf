"""The hosted checkout page."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.control.answers import cause_of
from sandbox.errors import StripeError
from sandbox.resources import checkout_discounts
from sandbox.resources.addresses import check_email
from sandbox.resources.checkout_completion import Buyer, check_open, complete, needs_method
from sandbox.resources.checkout_sessions import waiting_intent
from sandbox.resources.payment_methods import make_debit
from sandbox.world.rows import Obj, World

from .card_form import COUNTRIES, HINTS, address_from, card_from, refused
from .rendering import form_of, message, render, sandbox_of, see


def success_url(session: Obj) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


async def checkout(request: Request) -> Response:
    world = sandbox_of(request).world
    form = await form_of(request) if request.method == "POST" else {}
    row = world.rows.get(request.path_params["id"])
    if row is None or row.kind != "checkout.session":
        return message("Nothing here", "There is no such checkout session.", status=404)
    problem, status = row.notes.get("problem"), 200
    typed = {**row.notes.get("typed", {}), **form}
    try:
        with world.work(cause_of(request)):
            session = world.body(row.id)
            world.notes(row.id)["problem"] = None
            if request.method == "POST":
                # Kept for when the person comes back from the bank's page without success.
                world.notes(row.id)["typed"] = typed
                _submit(world, session, form)
            waiting = waiting_intent(world, session) if request.method == "POST" else None
    except StripeError as error:
        problem, status = error.body["message"], 402
        waiting = None
    if waiting:
        return see(f"/3ds/{waiting['id']}")
    session = world.rows[row.id].body
    if session["status"] == "complete":
        return see(success_url(session))
    if session["status"] == "expired":
        text = "It is no longer possible to pay here. Please go back and start again."
        return message("This checkout has expired", text, link=session["cancel_url"])
    return _page(world, session, typed, problem, status)


def _submit(world: World, session: Obj, form: dict[str, str]) -> None:
    if session["status"] == "complete":
        return
    check_open(world, session)
    action = form.get("action")
    if action == "apply" and session["allow_promotion_codes"]:
        checkout_discounts.type_in(world, session, form.get("promotion_code", ""))
    elif action == "remove" and session["allow_promotion_codes"]:
        checkout_discounts.remove(world, session)
    elif decline := complete(world, session, _buyer(world, session, form)):
        raise decline


def _buyer(world: World, session: Obj, form: dict[str, str]) -> Buyer:
    email = form.get("email") or _known_email(session)
    if not email:
        raise refused("Please enter your email address.", "email")
    try:
        check_email(email)
    except StripeError:
        raise refused("Your email address is invalid.", "email") from None
    method = None
    if form.get("action") == "bank_debit" and len(session["payment_method_types"]) > 1:
        method = make_debit(world, session["payment_method_types"][1], {"name": form.get("name")})
    elif needs_method(session):
        method = card_from(world, form)
        _check_address(session, form)
    return Buyer(email, method, form.get("name") or None, address_from(form))


def _check_address(session: Obj, form: dict[str, str]) -> None:
    wanted = {"country": "country", "postal_code": "ZIP"}
    if session["billing_address_collection"] == "required":
        wanted |= {"line1": "address", "city": "city"}
    if form.get("country", "US") != "US" and "line1" not in wanted:
        wanted.pop("postal_code")
    for name, label in wanted.items():
        if not form.get(name):
            raise refused(f"Please enter your {label}.", name)


def _known_email(session: Obj) -> str | None:
    return (session["customer_details"] or {}).get("email") or session["customer_email"]


def button(session: Obj, trial: bool) -> str:
    if session["mode"] == "setup":
        return "Save card"
    if trial:
        return "Start trial"
    if session["mode"] == "subscription":
        return "Subscribe"
    return "Complete order" if not session["amount_total"] else "Pay"


def _page(
    world: World, session: Obj, form: dict[str, str], problem: str | None, status: int
) -> Response:
    notes = world.rows[session["id"]].notes
    data = notes["params"].get("subscription_data") or {}
    fixed = session["customer"] or session["customer_email"]
    values: dict[str, Any] = {"country": "US", **form}
    values.setdefault("email", _known_email(session) or "")
    return render(
        "checkout.html",
        status,
        session=session,
        items=notes["items"],
        products={i["id"]: world.rows[i["price"]["product"]].body for i in notes["items"]},
        trial_days=_trial_days(world, data),
        email_fixed=bool(fixed and _known_email(session)),
        form=values,
        problem=problem,
        needs_card=needs_method(session),
        button=button(session, bool(_trial_days(world, data))),
        code=_code(world, session),
        full_address=session["billing_address_collection"] == "required",
        countries=COUNTRIES,
        hints=HINTS,
        offers_debit=len(session["payment_method_types"]) > 1 and bool(session["amount_total"]),
    )


def _trial_days(world: World, data: dict[str, Any]) -> int:
    if data.get("trial_end"):
        return max(1, round((data["trial_end"] - world.now()) / 86400))
    return int(data.get("trial_period_days") or 0)


def _code(world: World, session: Obj) -> str | None:
    for item in session["discounts"] or []:
        for kind, field in (("promotion_code", "code"), ("coupon", "name")):
            if row := world.rows.get(item.get(kind) or ""):
                return row.body[field] or row.id
    return None


ROUTES = [Route("/checkout/{id}", checkout, methods=["GET", "POST"])]
