"""Reading a card from a form; what is wrong with it is said as Stripe's own page says it."""

import re
from datetime import UTC, datetime
from typing import Any

from sandbox.errors import StripeError
from sandbox.resources.payment_methods import check_number, make_card
from sandbox.world.rows import Obj, World

COUNTRIES = {
    "US": "United States", "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BR": "Brazil",
    "CA": "Canada", "CH": "Switzerland", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark",
    "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "United Kingdom", "GR": "Greece",
    "IE": "Ireland", "IN": "India", "IT": "Italy", "JP": "Japan", "KR": "South Korea",
    "KW": "Kuwait", "MX": "Mexico", "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand",
    "PL": "Poland", "PT": "Portugal", "SE": "Sweden", "SG": "Singapore", "UA": "Ukraine",
}  # fmt: skip

HINTS = (
    ("4242 4242 4242 4242", "works"),
    ("5555 5555 5555 4444", "works (Mastercard)"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "has insufficient funds"),
    ("4000 0000 0000 0069", "has expired"),
    ("4000 0000 0000 0127", "has a wrong CVC"),
    ("4000 0025 0000 3155", "asks for 3-D Secure once"),
    ("4000 0027 6000 3184", "always asks for 3-D Secure"),
    ("4000 0000 0000 0341", "can be saved, then fails"),
    ("4000 0000 0000 0259", "is disputed afterwards"),
    ("4000 0000 0000 5126", "its refunds fail later"),
)


def refused(message: str, param: str) -> StripeError:
    return StripeError(402, "card_error", message, param=param)


def expiry_of(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})\s*/?\s*(\d{2}|\d{4})", text.strip())
    if match is None or not 1 <= int(match[1]) <= 12:
        raise refused("Your card's expiration date is incomplete.", "expiry")
    month, year = int(match[1]), int(match[2]) % 100 + 2000
    # Real time on purpose: a card typed in after the clock was moved on must still be good.
    today = datetime.now(UTC)
    if (year, month) < (today.year, today.month):
        raise refused("Your card's expiration year is in the past.", "expiry")
    return month, year


def card_from(world: World, form: dict[str, str]) -> Obj:
    number = check_number(form.get("card_number", ""))
    expiry = expiry_of(form.get("expiry", ""))
    if not re.fullmatch(r"\d{3,4}", form.get("cvc", "")):
        raise refused("Your card's security code is incomplete.", "cvc")
    if not form.get("name"):
        raise refused("The name on the card is missing.", "name")
    details = {"name": form["name"], "address": address_from(form)}
    return make_card(world, number, expiry=expiry, details=details)


def address_from(form: dict[str, str]) -> dict[str, Any]:
    names = ("country", "line1", "line2", "city", "state", "postal_code")
    return {name: form.get(name) or None for name in names}
