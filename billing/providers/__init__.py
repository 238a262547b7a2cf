"""The only code that speaks to Stripe or Paddle."""

from __future__ import annotations

from functools import cache

from billing.providers.base import Provider

PROVIDERS = ("stripe",)


@cache
def get_provider(name: str) -> Provider:
    """Raises KeyError for a provider that we do not have."""
    from billing.providers.stripe import StripeProvider

    return {"stripe": StripeProvider}[name]()
