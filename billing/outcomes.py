"""What came of a checkout, in the words of its return page."""

from __future__ import annotations

from dataclasses import dataclass

from billing.checkout import Verified, verify_checkout
from billing.models import Order, Subscription
from billing.providers.base import ProviderError
from billing.wording import standing
from sessions_live.models import User


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` is done, waiting or failed; a waiting page goes on looking."""

    kind: str
    title: str
    text: str
    verified: Verified | None = None


def outcome_for(user: User, session_id: str) -> Outcome:
    """Raises OrderNotFound."""
    try:
        return outcome_of(verify_checkout(user, session_id))
    except ProviderError as error:
        return unreachable() if error.retry else gone()


def unreachable() -> Outcome:
    return Outcome(
        "waiting",
        "We are still checking",
        "The payment provider does not answer at the moment. Nothing is lost: this page keeps "
        "looking, and you will not be charged twice.",
    )


def gone() -> Outcome:
    return Outcome(
        "failed",
        "This checkout is gone",
        "The payment provider does not know it any more. You have not been charged for it.",
    )


def outcome_of(verified: Verified) -> Outcome:
    order = verified.order
    if order.status == Order.Status.COMPLETED:
        return completed(verified)
    if verified.status == "expired" or order.status == Order.Status.EXPIRED:
        text = "The payment page was closed before it was paid. You have not been charged."
        return Outcome("failed", "This checkout has expired", text, verified)
    if order.status == Order.Status.FAILED:
        text = "Your bank did not send the money. You have not been charged, and may try again."
        return Outcome("failed", "The payment failed", text, verified)
    if verified.status == "open":
        text = "The payment page is still open: go back to it, or choose another plan."
        return Outcome("waiting", "Not paid yet", text, verified)
    text = "Some banks take a moment, some a few days. You can leave this page; we keep looking."
    return Outcome("waiting", "Your payment is being processed", text, verified)


def completed(verified: Verified) -> Outcome:
    plan, subscription = verified.order.price.plan, verified.subscription
    if not verified.order.price.is_recurring:
        text = f"{verified.order.money} paid, once. There is nothing to renew."
        return Outcome("done", f"{plan.name} is yours", text, verified)
    if subscription is None:
        text = "Your payment has arrived; the subscription is being set up."
        return Outcome("waiting", "Almost there", text, verified)
    if subscription.duplicate:
        text = "You had a subscription already, so this second one is canceled and gives nothing."
        return Outcome("failed", "You are subscribed already", text, verified)
    return Outcome(
        "done" if subscription.is_live else "failed",
        _title(subscription),
        standing(subscription).next,
        verified,
    )


def _title(subscription: Subscription) -> str:
    match subscription.status:
        case Subscription.Status.TRIALING:
            return f"Your trial of {subscription.plan.name} has begun"
        case Subscription.Status.ACTIVE:
            return f"{subscription.plan.name} is active"
        case _:
            label = standing(subscription).label.lower()
            return f"{subscription.plan.name} is {label}"
