"""Pages of what Stripe has, for comparing it with what we have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from billing.providers.base import Listed, UnknownShape
from billing.providers.facts import READ, Delivery, Fact
from billing.providers.stripe import intents, translation
from billing.providers.stripe.client import stripe_says

T = TypeVar("T")


def events(since: datetime | None, after: str) -> Listed[Delivery]:
    """Stripe keeps them for thirty days."""
    with stripe_says() as stripe:
        listed = stripe.v1.events.list(_params(since, after))  # type: ignore[arg-type]
    # As it was sent: the package makes decimals of some numbers, and an inbox keeps the text.
    page = json.loads(listed.last_response.body)  # type: ignore[union-attr]
    told = [
        Delivery(event_id=each["id"], type=each["type"], body=json.dumps(each))
        for each in page["data"]
    ]
    return _listed(told, page)


def subscriptions(since: datetime | None, after: str) -> Listed[Fact]:
    params = {**_params(since, after), "status": "all"}
    with stripe_says() as stripe:
        page = stripe.v1.subscriptions.list(params).to_dict()  # type: ignore[arg-type]
    now = datetime.now(UTC)
    return _listed([_subscription(each, now) for each in page["data"]], page)


def _subscription(subscription: Mapping[str, Any], at: datetime) -> Fact:
    try:
        return translation.subscription_fact(subscription, at, READ)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UnknownShape(f"{subscription.get('id')}: {type(error).__name__} {error}") from error


def payments(since: datetime | None, after: str) -> Listed[Fact]:
    params = {**_params(since, after), "expand": ["data.latest_charge"]}
    with stripe_says() as stripe:
        page = stripe.v1.payment_intents.list(params).to_dict()  # type: ignore[arg-type]
    return _listed([fact for each in page["data"] for fact in intents.story(each)], page)


def _params(since: datetime | None, after: str) -> dict[str, Any]:
    params: dict[str, Any] = {"limit": 100}
    if since is not None:
        params["created"] = {"gte": int(since.timestamp())}
    if after:
        params["starting_after"] = after
    return params


def _listed(items: list[T], page: Mapping[str, Any]) -> Listed[T]:
    return Listed(items=items, after=page["data"][-1]["id"] if page["has_more"] else "")
