"""Which parameters of a checkout go together."""

from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.world.rows import World

from .addresses import check_email, check_url

_TRIAL_NOTICE = 48 * 3600
_NOT_TOGETHER = (
    ("customer", "customer_email"),
    ("allow_promotion_codes", "discounts"),
    ("customer", "customer_creation"),
)
_ONLY_IN = {
    "payment_intent_data": ("payment",),
    "subscription_data": ("subscription",),
    "setup_intent_data": ("setup",),
    "invoice_creation": ("payment",),
    "submit_type": ("payment", "subscription"),
}


def check_parameters(world: World, params: dict[str, Any]) -> str:
    """The mode; raises for what Stripe refuses."""
    mode = params.get("mode")
    if not mode:
        raise InvalidRequest("Missing required param: mode.", "mode", "parameter_missing")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise InvalidRequest("The sandbox has the hosted page only.", "ui_mode")
    _check_urls(params)
    _check_combinations(mode, params)
    if mode != "setup" and not params.get("line_items"):
        raise InvalidRequest(
            "You must provide `line_items` in `payment` and `subscription` mode.", "line_items",
            "parameter_missing",
        )  # fmt: skip
    if mode == "setup" and params.get("line_items"):
        raise InvalidRequest("You cannot pass `line_items` in `setup` mode.", "line_items")
    reference = params.get("client_reference_id", "")
    if len(reference) > 200:
        raise InvalidRequest(
            f"Invalid string: {reference[:10]}...{reference[-10:]}; must be at most 200 characters",
            "client_reference_id",
        )
    if params.get("customer"):
        world.get("customer", params["customer"], "customer")
    check_email(params.get("customer_email"), "customer_email")
    _check_times(world, params)
    return mode


def _check_urls(params: dict[str, Any]) -> None:
    if not params.get("success_url"):
        raise InvalidRequest(
            "Missing required param: success_url.", "success_url", "parameter_missing"
        )
    for name in ("success_url", "cancel_url"):
        if params.get(name):
            check_url(params[name], name)


def _check_combinations(mode: str, params: dict[str, Any]) -> None:
    for one, other in _NOT_TOGETHER:
        if params.get(one) and params.get(other):
            raise InvalidRequest(
                f"You may only specify one of these parameters: {one}, {other}.", one
            )
    for name, modes in _ONLY_IN.items():
        if params.get(name) and mode not in modes:
            raise InvalidRequest(f"You can not pass `{name}` in `{mode}` mode.", name)
    if mode == "subscription" and params.get("customer_creation"):
        raise InvalidRequest(
            "`customer_creation` can only be used in `payment` and `setup` mode.",
            "customer_creation",
        )
    if mode != "subscription" and params.get("payment_method_collection"):
        raise InvalidRequest(
            "You can only set `payment_method_collection` if there are recurring prices.",
            "payment_method_collection",
        )


def _check_times(world: World, params: dict[str, Any]) -> None:
    now, expires = world.now(), params.get("expires_at")
    if expires is not None and not now + 30 * 60 - 60 <= expires:
        raise InvalidRequest(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session"
            " creation.",
            "expires_at",
        )
    if expires is not None and expires > now + 24 * 3600 + 60:
        raise InvalidRequest(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            "expires_at",
        )
    data = params.get("subscription_data") or {}
    days, end = data.get("trial_period_days"), data.get("trial_end")
    if days is not None and end is not None:
        raise InvalidRequest(
            "You may only specify one of these parameters: trial_end, trial_period_days.",
            "subscription_data",
        )
    if days is not None and days < 1:
        raise InvalidRequest(
            "The minimum number of trial period days is 1.",
            "subscription_data[trial_period_days]",
        )
    if end is not None and end < now + _TRIAL_NOTICE:
        raise InvalidRequest(
            "The `trial_end` date has to be at least 2 days in the future.",
            "subscription_data[trial_end]",
        )
