"""Keeps dj-stripe from calling Stripe and from copying our key, whatever of it is run."""

from __future__ import annotations

from typing import Any, NoReturn

import stripe
from djstripe.models import Account, Product


class NoNetwork(stripe.HTTPClient):
    """For the stripe package's module-level API, which dj-stripe uses; our client has its own.

    An AuthenticationError, because dj-stripe then does without an account's logo and goes on.
    """

    name = "none"

    def request(self, method: str, url: str, *_: Any, **__: Any) -> NoReturn:
        raise stripe.AuthenticationError(f"dj-stripe must not call Stripe: {method} {url}")

    request_stream = request

    def close(self) -> None:
        return None


def silence_djstripe() -> None:
    stripe.default_http_client = NoNetwork()
    # It would store the secret key in djstripe_apikey, and prefer that row after a rotation.
    Account.get_or_retrieve_for_api_key = classmethod(lambda cls, api_key: None)
    # It would ask for the features of a product each time that one is saved.
    Product._sync_product_features = lambda self, api_key=None: None
