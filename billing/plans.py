"""What is sold and for how much. The file of the catalogue decides; providers are brought into
step with it, never the other way round."""

from __future__ import annotations

import logging

from django.db.models import Prefetch, QuerySet

from billing.models import Order, Plan, Price, ProviderPrice, Subscription
from billing.providers.facts import CatalogChanged
from billing.webhooks.registry import NotOurs
from config.kit.errors import AppError
from sessions_live.models import User

alarm = logging.getLogger("alarm")


class UnknownTier(AppError):
    code = "unknown_tier"
    detail = "There is no such plan; GET /api/v1/plans lists them."


class UnknownPrice(Exception):
    """A provider charges a price that our catalogue has never had."""


def plans_for_sale() -> QuerySet[Plan]:
    prices = Price.objects.filter(active=True).order_by("amount")
    return Plan.objects.filter(active=True).prefetch_related(
        Prefetch("prices", queryset=prices, to_attr="offers")
    )


def free_plan() -> Plan | None:
    """What everybody has who holds nothing better."""
    return Plan.objects.filter(active=True, prices=None).first()


def get_price(*, tier: str, interval: str | None) -> Price:
    """The price of a tier; `interval` may be left out where there is one. Raises UnknownTier."""
    offers = list(
        Price.objects.select_related("plan").filter(plan__tier=tier, plan__active=True, active=True)
    )
    if not offers:
        raise UnknownTier(attr="tier")
    if interval is None and len(offers) > 1:
        # Months are what people mean when they do not say.
        interval = "month"
    chosen = [price for price in offers if interval in (None, price.interval)]
    if not chosen:
        intervals = ", ".join(sorted(price.interval for price in offers))
        raise UnknownTier(f"This plan is sold by: {intervals}.", attr="interval")
    return chosen[0]


def find_price(*, provider: str, price_id: str, lookup_key: str) -> Price | None:
    listed = (
        ProviderPrice.objects.select_related("price__plan")
        .filter(provider=provider, provider_id=price_id)
        .first()
    )
    if listed:
        return listed.price
    return (
        Price.objects.select_related("plan").filter(lookup_key=lookup_key, active=True).first()
        if lookup_key
        else None
    )


def trial_days_for(user: User, price: Price) -> int:
    """A trial is given once per customer, whatever the plan, and whoever gave it."""
    if not price.is_recurring or not price.plan.trial_days:
        return 0
    had_one = (
        Order.objects.filter(user=user, trial_days__gt=0, status=Order.Status.COMPLETED).exists()
        or Subscription.objects.filter(user=user).exclude(trial_end=None).exists()
    )
    return 0 if had_one else price.plan.trial_days


def follow_catalog(fact: CatalogChanged) -> None:
    """Notes whether the provider's side still is what our catalogue says; never changes ours."""
    listed = ProviderPrice.objects.select_related("price").filter(provider=fact.provider)
    if fact.price_id:
        listed = listed.filter(provider_id=fact.price_id)
    else:
        listed = listed.filter(product_id=fact.product_id)
    rows = list(listed)
    if not rows:
        raise NotOurs("not in our catalogue")
    for row in rows:
        in_step = fact.active and _same(row.price, fact)
        if not in_step and row.price.active:
            alarm.error("price out of step", extra={"price": row.provider_id})
        if row.in_step != in_step:
            row.in_step = in_step
            row.save(update_fields=["in_step"])


def _same(price: Price, fact: CatalogChanged) -> bool:
    if fact.money is None:
        return True
    return price.money == fact.money and price.interval == fact.interval
