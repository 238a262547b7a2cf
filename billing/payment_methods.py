"""Which card paid: the events of a payment do not say so, the payment itself does when asked."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from billing.models import Customer, Payment
from billing.providers import get_provider
from billing.providers.base import ProviderError
from billing.webhooks import inbox
from billing.webhooks.registry import dispatch
from config.kit.one_by_one import one_by_one

log = logging.getLogger(__name__)

# What nobody could tell for so long is not asked about any more.
RECENT = timedelta(hours=1)
AT_ONCE = 50


def learn_recent() -> int:
    """For the sweep."""
    recent = Payment.objects.paid().filter(method="", created_at__gt=timezone.now() - RECENT)
    return learn(recent.order_by("-created_at", "-id")[:AT_ONCE])


def learn(payments: Iterable[Payment]) -> int:
    """Outside any transaction. What the provider does not tell now is left as it is."""
    learned = 0
    with one_by_one() as apart:
        for payment in payments:
            with apart(f"payment {payment.pk}"):
                try:
                    learned += _ask(payment)
                except ProviderError as error:
                    log.info("method of payment %s not learned: %s", payment.pk, error.code)
                    if error.retry:
                        break
    return learned


def _ask(payment: Payment) -> bool:
    state = get_provider(payment.provider).read_intent(payment.provider_id)
    customer = Customer.objects.filter(user=payment.user_id, provider=payment.provider).first()
    with transaction.atomic():
        if customer and customer.provider_id:
            inbox.hold_subject(payment.provider, customer.provider_id)
        for fact in state.facts:
            dispatch(fact)
    payment.refresh_from_db(fields=["method"])
    return bool(payment.method)
