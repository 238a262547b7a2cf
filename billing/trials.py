"""A trial that is about to end: its owner hears what will be charged, when and to which card."""

from __future__ import annotations

from billing import mails
from billing.models import Subscription
from billing.providers.facts import TrialEnding
from billing.webhooks.registry import NotOurs, Unclear


def end_is_near(fact: TrialEnding) -> None:
    """Safe to repeat; must run inside a transaction. Raises Unclear, as only the provider knows
    whether there is a card, and NotOurs."""
    if not fact.settled:
        raise Unclear(fact)
    rows = Subscription.objects.select_related("plan", "user")
    trial = rows.filter(provider=fact.provider, provider_id=fact.subscription_id).first()
    if trial is None:
        raise NotOurs(fact.subscription_id)
    if trial.status != Subscription.Status.TRIALING or trial.trial_end is None:
        return
    if trial.cancel_at_period_end or trial.duplicate:
        return
    mails.queue(
        user=trial.user,
        template="trial_ending",
        # A trial that is extended ends on another day, which is news.
        key=f"trial_ending:{trial.pk}:{trial.trial_end:%Y%m%d}",
        context={
            "plan": trial.plan.name,
            "amount": trial.amount,
            "currency": trial.currency,
            "interval": trial.interval,
            "trial_end": trial.trial_end,
            "method": fact.method,
        },
    )
