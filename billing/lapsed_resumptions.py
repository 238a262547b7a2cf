"""Who resumes and is not confirmed at the bank stays paused, and the provider has to be told so: it
has lifted its own pause to ask for the payment."""

from __future__ import annotations

from billing.models import Subscription
from billing.operations import outgoing
from billing.subscription_acts import KIND


def pause_again(subscription: Subscription) -> None:
    """Must run inside the transaction of the news; the sweep makes the call. Safe to repeat."""
    try:
        outgoing.request(
            kind=KIND,
            provider=subscription.provider,
            subject=f"subscription:{subscription.pk}",
            wishes={
                "act": "keep",
                "subscription_id": subscription.provider_id,
                "by": "platform",
                "reason": "",
            },
            user=None,
        )
    except outgoing.UnderWay:
        # Most of all the resumption itself, between the lifting and the question.
        return
