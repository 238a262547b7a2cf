"""Connected accounts: whom the platform pays, once Stripe knows enough about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World

from .account import ACCOUNT_ID, platform_account
from .addresses import check_email

# What a person tells on the hosted form before money may go out.
_NEEDED = [
    "business_type", "external_account", "representative.first_name", "representative.last_name",
    "tos_acceptance.date", "tos_acceptance.ip",
]  # fmt: skip
_CURRENCIES = {
    "AT": "eur", "AU": "aud", "BE": "eur", "CA": "cad", "CH": "chf", "DE": "eur", "ES": "eur",
    "FR": "eur", "GB": "gbp", "IE": "eur", "IT": "eur", "JP": "jpy", "NL": "eur", "US": "usd",
}  # fmt: skip
_CAPABILITIES = {"card_payments", "transfers"}


def requirements(needed: list[str]) -> Obj:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(needed),
        "disabled_reason": "requirements.past_due" if needed else None,
        "errors": [],
        "eventually_due": list(needed),
        "past_due": list(needed),
        "pending_verification": [],
    }


@operation("POST", "/v1/accounts", "AccountCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    platform_account(world)
    country = params.get("country", "US")
    if country not in _CURRENCIES:
        raise InvalidRequest(f"The sandbox opens no accounts in {country}.", "country")
    wanted = _wanted(params)
    account = world.new(
        "account",
        type=_type(params),
        business_type=params.get("business_type"),
        capabilities=dict.fromkeys(sorted(wanted), "inactive"),
        charges_enabled=False,
        controller={"type": "application"},
        country=country,
        default_currency=_CURRENCIES[country],
        details_submitted=False,
        email=check_email(params.get("email")),
        future_requirements=requirements([]),
        metadata=merged({}, params.get("metadata")),
        payouts_enabled=False,
        requirements=requirements(_NEEDED),
        settings=_settings(params),
        tos_acceptance={"date": None, "ip": None, "user_agent": None},
    )
    account["external_accounts"] = {
        "object": "list",
        "data": [],
        "has_more": False,
        "total_count": 0,
        "url": f"/v1/accounts/{account['id']}/external_accounts",
    }
    return world.add(account)


def _type(params: dict[str, Any]) -> str:
    kind = params.get("type")
    if kind not in (None, "express", "custom", "standard"):
        raise InvalidRequest(f"Invalid type: {kind}", "type")
    if kind and "controller" in params:
        raise InvalidRequest("You may only specify one of these parameters: type, controller.")
    return kind or "none"


def _wanted(params: dict[str, Any]) -> set[str]:
    asked = params.get("capabilities") or {}
    wanted = {name for name, how in asked.items() if how.get("requested")}
    if unknown := wanted - _CAPABILITIES:
        raise InvalidRequest(f"The sandbox has no capability {min(unknown)}.", "capabilities")
    return wanted


def _settings(params: dict[str, Any]) -> Obj:
    schedule = ((params.get("settings") or {}).get("payouts") or {}).get("schedule") or {}
    return {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": False,
            "schedule": {"delay_days": 2, "interval": schedule.get("interval", "daily")},
            "statement_descriptor": None,
        },
    }


@operation("POST", "/v1/accounts/{id}", "AccountUpdateParams")
def update(call: Call) -> Obj:
    account = call.world.get("account", call.id, in_url=True)
    with _telling(call.world, account):
        account["metadata"] = merged(account["metadata"], call.params.get("metadata"))
        if "email" in call.params:
            account["email"] = check_email(call.params["email"])
    return account


@operation("DELETE", "/v1/accounts/{id}", "AccountDeleteParams")
def delete(call: Call) -> Obj:
    world = call.world
    account = world.get("account", call.id, in_url=True)
    if account["id"] == ACCOUNT_ID:
        raise InvalidRequest("You cannot delete your own account.", status=403)
    world.notes(account["id"])["deleted"] = True
    return {"id": account["id"], "object": "account", "deleted": True}


@operation("GET", "/v1/accounts", "AccountListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "account", where=lambda row: row.id != ACCOUNT_ID)


def onboard(world: World, account: Obj, name: str, iban_or_number: str) -> None:
    """What a person tells on the hosted form. Money may come and go from here on."""
    first, _, last = name.partition(" ")
    if not first or not last.strip():
        raise InvalidRequest("Please give your first and your last name.", "name")
    digits = "".join(sign for sign in iban_or_number if sign.isalnum())
    if len(digits) < 4:
        raise InvalidRequest("Please give your account number.", "account_number")
    bank = _bank_account(world, account, name, digits)
    with _telling(world, account):
        account["external_accounts"]["data"] = [bank]
        account["external_accounts"]["total_count"] = 1
        account.update(
            business_type=account["business_type"] or "individual",
            capabilities=dict.fromkeys(account["capabilities"], "active"),
            charges_enabled="card_payments" in account["capabilities"],
            details_submitted=True,
            payouts_enabled=True,
            requirements=requirements([]),
            tos_acceptance={"date": world.now(), "ip": "127.0.0.1", "user_agent": None},
        )


def restrict(world: World, account: Obj) -> None:
    """Stripe wants to know something more: nothing goes out until then."""
    with _telling(world, account):
        account.update(
            payouts_enabled=False,
            requirements=requirements(["individual.verification.document"]),
        )


def _bank_account(world: World, account: Obj, name: str, digits: str) -> Obj:
    bank: Obj = world.new(
        "bank_account",
        account=account["id"],
        account_holder_name=name,
        account_holder_type="individual",
        available_payout_methods=["standard"],
        bank_name="STRIPE TEST BANK",
        country=account["country"],
        currency=account["default_currency"],
        default_for_currency=True,
        fingerprint=random_text(16),
        future_requirements=None,
        last4=digits[-4:],
        requirements=None,
        routing_number="110000000",
        status="new",
    )
    return bank


@contextmanager
def _telling(world: World, account: Obj) -> Iterator[None]:
    """Tell of a change as the account's own event: platforms hear of it with `account` set."""
    before = world.cause.account
    world.cause.account = account["id"]
    try:
        with changing(world, "account.updated", account):
            yield
    finally:
        world.cause.account = before
