"""Mending a difference: the object is read anew and goes through the handlers of its webhook."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from billing import entitlements
from billing.models import Subscription
from billing.providers import get_provider
from billing.providers.base import NotFound, Provider, ProviderError
from billing.providers.facts import Fact, PaymentFact, SubscriptionChanged
from billing.reconciliation import comparing
from billing.reconciliation.models import Difference
from billing.webhooks.inbox import hold_subject
from billing.webhooks.registry import NotOurs, Unclear, dispatch
from config.kit.errors import AppError


def repair(difference: Difference) -> bool:
    """Whether both tell the same afterwards. Network, so never inside a transaction."""
    try:
        facts = read(get_provider(difference.provider), difference)
        with transaction.atomic():
            apply(difference, facts)
            left = still_differs(difference, facts)
            words = "Our rules do not allow it: somebody has to decide." if left else "Read anew."
            return close(difference, words, done=not left)
    except NotFound:
        return close(difference, "The provider does not know it any more.", done=False)
    except ProviderError as error:
        return close(difference, f"The provider did not answer: {error.code}.", done=False)
    except (NotOurs, Unclear, AppError) as error:
        return close(difference, f"Not applied: {type(error).__name__} {error}", done=False)


def read(provider: Provider, difference: Difference) -> list[Fact]:
    if difference.kind.startswith("payment_"):
        return list(provider.read_intent(difference.object_id).facts)
    if difference.kind.startswith("subscription_"):
        return [provider.read_subscription(difference.object_id)]
    return []


def apply(difference: Difference, facts: list[Fact]) -> None:
    for fact in facts:
        if isinstance(fact, PaymentFact | SubscriptionChanged):
            hold_subject(fact.provider, fact.customer_id or difference.object_id)
        dispatch(fact)
    if difference.kind.startswith("entitlement_"):
        rows = Subscription.objects.select_related("user", "plan").select_for_update(of=("self",))
        row = rows.get(provider=difference.provider, provider_id=difference.object_id)
        entitlements.follow_subscription(row)


def still_differs(difference: Difference, facts: list[Fact]) -> bool:
    if difference.kind.startswith("entitlement_"):
        rows = Subscription.objects.select_related("plan").filter(
            provider=difference.provider, provider_id=difference.object_id
        )
        return bool(comparing.entitlements(rows))
    return bool(comparing.subscriptions(facts) or comparing.payments(facts))


def close(difference: Difference, words: str, *, done: bool) -> bool:
    """Of two who repair the same at once, the first writes it down."""
    fields = {"repair": words[:300]}
    if done:
        fields |= {"status": "repaired", "closed_at": timezone.now()}  # type: ignore[dict-item]
    open_one = Difference.objects.filter(pk=difference.pk, status=Difference.Status.OPEN)
    return bool(open_one.update(**fields)) and done
