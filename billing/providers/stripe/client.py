"""The one Stripe client of a process: pinned version, short time-outs, errors in our words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import stripe
from django.conf import settings

from billing.providers.base import (
    NotFound,
    PaymentRefused,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
)
from billing.providers.stripe.hurry import HurriedClient, wait_of

log = logging.getLogger(__name__)

# Two tries of four seconds: a request of ours never waits ten for Stripe.
RETRIES = 1
ASKS_OWNER = ("subscription_payment_intent_requires_action", "authentication_required")


@cache
def client() -> stripe.StripeClient:
    bases = {"api": settings.STRIPE_API_BASE.rstrip("/")} if settings.STRIPE_API_BASE else {}
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses=bases,  # type: ignore[arg-type]
        max_network_retries=RETRIES,
        http_client=HurriedClient(),
    )


def words_for(error: stripe.CardError) -> str:
    if error.code in ASKS_OWNER:
        return (
            "Your bank wants you to confirm this payment, which cannot be done from here. Nothing"
            " was charged or changed: use another card and try again."
        )
    said = error.user_message or "The card was declined."
    return f"{said} Nothing was changed: use another card and try again."


@contextmanager
def stripe_says() -> Iterator[stripe.StripeClient]:
    """Turns Stripe's errors into ProviderError; the cause is kept for the log, never shown."""
    try:
        yield client()
    except stripe.InvalidRequestError as error:
        kind = NotFound if error.code == "resource_missing" else ProviderRefused
        log.warning("stripe refused: %s %s (%s)", error.code, error.param, error.request_id)
        raise kind(words=error.user_message or "", reason=error.code or "") from error
    except (stripe.AuthenticationError, stripe.PermissionError, stripe.IdempotencyError) as error:
        log.error("stripe refused our credentials or key: %s", error.code)
        words = str(error.user_message or error.code)
        raise ProviderRefused(words=words, reason=error.code or "") from error
    except stripe.CardError as error:
        words = f"{error.user_message} ({error.code})"
        raise PaymentRefused(words_for(error), words=words, reason=error.code or "") from error
    except stripe.RateLimitError as error:
        log.warning("stripe has too much to do: %s", error.code)
        raise ProviderBusy(wait=wait_of(error.headers)) from error
    except stripe.StripeError as error:
        log.warning("stripe did not answer: %s %s", type(error).__name__, error.http_status)
        raise ProviderError() from error
