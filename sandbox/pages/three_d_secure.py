"""The bank's page, where a card's owner says yes or no."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.control.answers import cause_of
from sandbox.errors import StripeError
from sandbox.resources.confirmation import authenticate
from sandbox.resources.setup_intents import authenticate_setup
from sandbox.world.rows import Obj, World

from .checkout import success_url
from .rendering import form_of, message, render, sandbox_of, see


async def three_d_secure(request: Request) -> Response:
    world = sandbox_of(request).world
    form = await form_of(request) if request.method == "POST" else {}
    row = world.rows.get(request.path_params["id"])
    if row is None or row.kind not in ("payment_intent", "setup_intent"):
        return message("Nothing here", "There is no such payment.", status=404)
    if row.body["status"] != "requires_action":
        return _onward(world, row.body, return_url=None)
    if request.method == "GET":
        return render("three_d_secure.html", intent=row.body)
    return_url = _return_url(row.body)
    problem = None
    try:
        with world.work(cause_of(request)):
            act = authenticate if row.kind == "payment_intent" else authenticate_setup
            if decline := act(world, world.body(row.id), form.get("answer") == "complete"):
                raise decline
    except StripeError as error:
        problem = error.body["message"]
    session_id = row.notes.get("session")
    if session_id and problem:
        with world.work(cause_of(request)):
            world.notes(session_id)["problem"] = problem
    return _onward(world, world.rows[row.id].body, return_url)


def _return_url(intent: Obj) -> str | None:
    action = intent["next_action"] or {}
    return (action.get("redirect_to_url") or {}).get("return_url")


def _onward(world: World, intent: Obj, return_url: str | None) -> Response:
    session_id = world.rows[intent["id"]].notes.get("session")
    if session_id:
        session = world.rows[session_id].body
        done = session["status"] == "complete"
        return see(success_url(session) if done else f"/checkout/{session_id}")
    if return_url:
        return see(return_url)
    return message("Thank you", f"This payment is now: {intent['status'].replace('_', ' ')}.")


ROUTES = [Route("/3ds/{id}", three_d_secure, methods=["GET", "POST"])]
