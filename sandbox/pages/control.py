"""The page for people who test: what there is, what was sent, and levers to pull."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.api.faults import MODES as FAULT_MODES
from sandbox.control.answers import cause_of
from sandbox.errors import StripeError
from sandbox.resources.disputes import close_dispute, open_dispute
from sandbox.resources.payouts import settle_payout
from sandbox.resources.refunds import settle_refund
from sandbox.sandbox import Sandbox
from sandbox.webhooks.deliveries import MODES
from sandbox.world.clock import advance

from .rendering import form_of, render, sandbox_of, see

_SHOWN = 15
_KINDS = ("checkout.session", "payment_intent", "subscription", "invoice", "refund", "dispute",
          "account", "transfer", "payout", "topup", "customer", "product", "price")  # fmt: skip


async def control(request: Request) -> Response:
    sandbox = sandbox_of(request)
    problem = None
    if request.method == "POST":
        form = await form_of(request)
        try:
            _act(sandbox, request, form)
        except (StripeError, ValueError, KeyError) as error:
            problem = str(error)
        else:
            return see("/_sandbox")
    return render("control.html", 400 if problem else 200, problem=problem, **_view(sandbox))


def _act(sandbox: Sandbox, request: Request, form: dict[str, str]) -> None:
    world, cause = sandbox.world, cause_of(request)
    action = form.get("action")
    if action == "advance":
        advance(world, world.now() + int(float(form["days"]) * 86400), cause.base_url)
    elif action == "deliveries":
        _deliver(sandbox, form)
    elif action == "flush":
        sandbox.courier.flush()
    elif action == "fault":
        numbers = {"times": int(form["times"]), "status": int(form["status"])}
        sandbox.faults.add({"match": form["match"], "mode": form["mode"], **numbers})
    elif action == "clear_faults":
        sandbox.faults.clear()
    elif action == "reset":
        sandbox.reset()
    else:
        with world.work(cause):
            _decide(sandbox, action, form)


def _deliver(sandbox: Sandbox, form: dict[str, str]) -> None:
    mode = next(mode for mode in MODES if mode == form["mode"])
    sandbox.courier.set_mode(mode, int(form["n"]) if form.get("n") else None)


def _decide(sandbox: Sandbox, action: str | None, form: dict[str, str]) -> None:
    world = sandbox.world
    if action == "dispute":
        intent = world.get("payment_intent", form["payment_intent"], "payment_intent")
        charge = world.get("charge", intent["latest_charge"] or "", "payment_intent")
        open_dispute(world, charge, reason=form.get("reason", "fraudulent"))
    elif action in ("won", "lost"):
        close_dispute(world, world.get("dispute", form["dispute"]), action == "won")
    elif action == "fail_refund":
        settle_refund(world, world.get("refund", form["refund"]), "failed")
    elif action in ("paid", "failed"):
        settle_payout(world, world.get("payout", form["payout"]), action)


def _view(sandbox: Sandbox) -> dict[str, Any]:
    world = sandbox.world
    newest = {kind: [r.body for r in list(world.peek(kind))[::-1][:_SHOWN]] for kind in _KINDS}
    return {
        "now": world.now(),
        "offset": world.offset,
        "courier": sandbox.courier,
        "modes": MODES,
        "fault_modes": FAULT_MODES,
        "faults": sandbox.faults.active,
        "objects": {kind: found for kind, found in newest.items() if found},
        "counts": {kind: len(world.kinds.get(kind, {})) for kind in _KINDS},
        "events": [row.body for row in list(world.peek("event"))[::-1][: 2 * _SHOWN]],
        "deliveries": [row.body for row in list(world.peek("_delivery"))[::-1][: 2 * _SHOWN]],
        "requests": list(sandbox.requests)[: 2 * _SHOWN],
        "endpoints": [row.body for row in world.peek("webhook_endpoint")],
    }


ROUTES = [Route("/_sandbox", control, methods=["GET", "POST"])]
