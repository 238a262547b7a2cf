"""The receipt of a charge."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .rendering import message, render, sandbox_of


async def receipt(request: Request) -> Response:
    world = sandbox_of(request).world
    row = world.rows.get(request.path_params["id"])
    if row is None or row.kind != "charge" or not row.body["paid"]:
        return message("Nothing here", "There is no such receipt.", status=404)
    return render("receipt.html", charge=row.body)


ROUTES = [Route("/receipts/{id}", receipt)]
