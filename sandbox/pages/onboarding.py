"""The hosted form on which somebody who is to be paid tells who they are, and their bank."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.control.answers import cause_of
from sandbox.errors import StripeError
from sandbox.resources.connected_accounts import onboard

from .rendering import form_of, message, render, sandbox_of, see


async def onboarding(request: Request) -> Response:
    world = sandbox_of(request).world
    form = await form_of(request) if request.method == "POST" else {}
    row = world.rows.get(f"_account_link_{request.path_params['key']}")
    if row is None:
        return message("Nothing here", "There is no such link.", status=404)
    link = row.body
    if link["used"] or link["expires_at"] <= world.now():
        return see(link["refresh_url"])
    problem, status = None, 200
    if request.method == "POST":
        try:
            with world.work(cause_of(request)):
                account = world.get("account", link["account"])
                onboard(world, account, form.get("name", ""), form.get("account_number", ""))
                world.body(row.id)["used"] = True
        except StripeError as error:
            problem, status = error.body["message"], 400
        else:
            return see(link["return_url"])
    account = world.rows[link["account"]].body
    return render("onboarding.html", status, account=account, form=form, problem=problem, link=link)


ROUTES = [Route("/onboarding/{key}", onboarding, methods=["GET", "POST"])]
