"""Stripe's test cards and what each does. https://docs.stripe.com/testing"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    brand: str = "visa"
    decline: str | None = None
    # Refused when charged, though it could be attached to a customer.
    declines_once_attached: bool = False
    # "always", or "unless_set_up": not again once it was authenticated for later use.
    authentication: str | None = None
    dispute: str | None = None
    refund: str | None = None
    available_at_once: bool = False
    country: str = "US"


CARDS = {
    "4242424242424242": Card(),
    "4000056655665556": Card(),
    "5555555555554444": Card("mastercard"),
    "2223003122003222": Card("mastercard"),
    "378282246310005": Card("amex"),
    "6011111111111117": Card("discover"),
    "6011000990139424": Card("discover"),
    "4000002760000016": Card(country="DE"),
    "4000000000000002": Card(decline="generic_decline"),
    "4000000000009995": Card(decline="insufficient_funds"),
    "4000000000009987": Card(decline="lost_card"),
    "4000000000009979": Card(decline="stolen_card"),
    "4000000000000069": Card(decline="expired_card"),
    "4000000000000127": Card(decline="incorrect_cvc"),
    "4000000000000119": Card(decline="processing_error"),
    "4000000000000341": Card(decline="generic_decline", declines_once_attached=True),
    "4000002500003155": Card(authentication="unless_set_up"),
    "4000002760003184": Card(authentication="always", country="DE"),
    "4000000000003220": Card(authentication="always"),
    "4000000000000259": Card(dispute="fraudulent"),
    "4000000000002685": Card(dispute="product_not_received"),
    "4000000000001976": Card(dispute="inquiry"),
    "4000000000007726": Card(refund="pending"),
    "4000000000005126": Card(refund="fails"),
    "4000000000000077": Card(available_at_once=True),
}

# Names that stand for a card number: `pm_card_visa`, `tok_visa`.
NAMES = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "us": "4242424242424242",
    "de": "4000002760000016",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011000990139424",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeCustomerFail": "4000000000000341",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003220",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
    "bypassPending": "4000000000000077",
}


@dataclass(frozen=True, slots=True)
class Decline:
    code: str
    message: str
    network_code: str = "01"


AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method"
    " and try again.",
)
_DECLINED = Decline("card_declined", "Your card was declined.")
DECLINES = {
    "generic_decline": _DECLINED,
    "lost_card": _DECLINED,
    "stolen_card": _DECLINED,
    "insufficient_funds": Decline("card_declined", "Your card has insufficient funds.", "51"),
    "expired_card": Decline("expired_card", "Your card has expired.", "54"),
    "incorrect_cvc": Decline("incorrect_cvc", "Your card's security code is incorrect.", "N7"),
    "processing_error": Decline(
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "96",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "1A",
    ),
}


def passes_luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return bool(number) and total % 10 == 0
