"""The billing portal: a customer ends a subscription, or changes the card."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.control.answers import cause_of
from sandbox.control.buying import use_card
from sandbox.errors import InvalidRequest, StripeError
from sandbox.resources.subscription_changes import change
from sandbox.world.rows import Obj, World

from .card_form import COUNTRIES, HINTS, card_from
from .rendering import form_of, message, render, sandbox_of, see


async def portal(request: Request) -> Response:
    world = sandbox_of(request).world
    form = await form_of(request) if request.method == "POST" else {}
    row = world.rows.get(request.path_params["id"])
    if row is None or row.kind != "billing_portal.session":
        return message("Nothing here", "There is no such portal session.", status=404)
    problem, status = None, 200
    if request.method == "POST":
        try:
            with world.work(cause_of(request)):
                _act(world, row.body, form)
        except StripeError as error:
            problem, status = error.body["message"], 402
        else:
            return see(f"/portal/{row.id}")
    return _page(world, row.body, form, problem, status)


def _act(world: World, session: Obj, form: dict[str, str]) -> None:
    customer = world.get("customer", session["customer"])
    if form.get("action") == "card":
        use_card(world, customer, card_from(world, form))
        return
    subscription = world.get("subscription", form.get("subscription", ""))
    if subscription["customer"] != customer["id"]:
        raise InvalidRequest("This subscription is someone else's.")
    change(world, subscription, {"cancel_at_period_end": form.get("action") == "cancel"})


def _page(
    world: World, session: Obj, form: dict[str, str], problem: str | None, status: int
) -> Response:
    def of_customer(kind: str) -> list[Obj]:
        rows = reversed(list(world.peek(kind)))
        return [row.body for row in rows if row.body["customer"] == session["customer"]]

    subscriptions = of_customer("subscription")
    products = {
        item["id"]: world.rows[item["price"]["product"]].body["name"]
        for subscription in subscriptions
        for item in subscription["items"]["data"]
    }
    return render(
        "portal.html",
        status,
        session=session,
        customer=world.rows[session["customer"]].body,
        subscriptions=subscriptions,
        products=products,
        methods=[m for m in of_customer("payment_method") if m["type"] == "card"],
        invoices=[i for i in of_customer("invoice") if i["status"] != "draft"],
        form={"country": "US", **form},
        problem=problem,
        countries=COUNTRIES,
        hints=HINTS,
    )


ROUTES = [Route("/portal/{id}", portal, methods=["GET", "POST"])]
