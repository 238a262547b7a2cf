"""What became of a purchase. Webhook, owner's question and sweep end in the same effects."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from billing import bought, purchase_calls
from billing.models import Customer, Payment, Purchase
from billing.owners import find_purchase
from billing.payments import record_payment
from billing.providers import get_provider
from billing.providers.base import CheckoutState, IntentState, ProviderError
from billing.providers.facts import CheckoutFailed, CheckoutPaid, Fact, PaymentSucceeded
from billing.webhooks import inbox
from billing.webhooks.registry import NotOurs, dispatch
from config.kit.errors import AppError
from config.kit.one_by_one import one_by_one
from sessions_live.models import User

log = logging.getLogger(__name__)

# When the sweep first asks about a purchase that no webhook told of, and how often after that.
QUIET = timedelta(minutes=10)
ASKED_EVERY = timedelta(hours=1)
ABANDONED = timedelta(hours=25)

Status = Purchase.Status
Way = Purchase.Way


class PurchaseNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "You have no such payment."


@dataclass(frozen=True, slots=True)
class Verified:
    """`status` is that of the provider's payment intent or checkout session."""

    purchase: Purchase
    status: str


def verify_intent(user: User, intent_id: str) -> Verified:
    """Where no webhook has told yet, the provider is asked, and the same effects happen as if it
    had. Raises PurchaseNotFound, ProviderError."""
    purchase = _mine(user, intent_id, page=False)
    if purchase.status == Status.COMPLETED:
        return Verified(purchase, "succeeded")
    return Verified(purchase, ask_about(purchase))


def verify_page(user: User, session_id: str) -> Verified:
    """Raises PurchaseNotFound, ProviderError."""
    purchase = _mine(user, session_id, page=True)
    if purchase.status == Status.COMPLETED:
        return Verified(purchase, "complete")
    return Verified(purchase, ask_about(purchase))


def _mine(user: User, provider_id: str, *, page: bool) -> Purchase:
    ways = [Way.PAGE] if page else [Way.INTENT, Way.SAVED]
    mine = Purchase.objects.select_related("item", "user").filter(user=user, way__in=ways)
    purchase = mine.filter(provider_id=provider_id).first()
    if purchase is None:
        raise PurchaseNotFound()
    return purchase


def ask_about(purchase: Purchase) -> str:
    """Applies what the provider has now, and returns its word for it. Raises ProviderError."""
    provider, key = get_provider(purchase.provider), purchase.provider_id or ""
    state: CheckoutState | IntentState = (
        provider.read_checkout(key) if purchase.way == Way.PAGE else provider.read_intent(key)
    )
    with transaction.atomic():
        apply_facts(purchase, state.facts)
    purchase.refresh_from_db(fields=["status", "completed_at"])
    return state.status


def apply_facts(purchase: Purchase, facts: tuple[Fact, ...]) -> None:
    """Must run inside a transaction."""
    if not facts:
        return
    customer = Customer.objects.get(user=purchase.user, provider=purchase.provider)
    inbox.hold_subject(purchase.provider, customer.provider_id or "")
    for fact in facts:
        dispatch(fact)


def complete_page(fact: CheckoutPaid) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    purchase = find_purchase(fact.purchase_id)
    if purchase is None or purchase.provider_id not in (None, fact.checkout_id):
        raise NotOurs(f"checkout {fact.checkout_id} is of no purchase of ours")
    if purchase.provider_id is None:
        # We died between Stripe's answer and our note of it; the return page finds it again.
        Purchase.objects.filter(pk=purchase.pk).update(provider_id=fact.checkout_id)
    bought.complete(purchase)
    if fact.payment_id:
        record_payment(PaymentSucceeded.of_checkout(fact))


def fail_page(fact: CheckoutFailed) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    purchase = find_purchase(fact.purchase_id)
    if purchase is None:
        raise NotOurs(f"checkout {fact.checkout_id} is of no purchase of ours")
    bought.cancel(purchase)


# --- what was forgotten ---------------------------------------------------------------------------
def ask_about_quiet() -> int:
    """Purchases that no webhook told of are asked about, and given up after a day."""
    now = timezone.now()
    due = Q(asked_at=None) | Q(asked_at__lt=now - ASKED_EVERY)
    quiet = Purchase.objects.select_related("item", "user").filter(
        due, status=Status.PENDING, created_at__lt=now - QUIET
    )
    first = quiet.order_by(F("asked_at").asc(nulls_first=True), "created_at")[:100]
    asked = 0
    with one_by_one() as apart:
        for purchase in first:
            with apart(f"purchase {purchase.pk}"):
                Purchase.objects.filter(pk=purchase.pk).update(asked_at=now)
                asked += _ask_or_give_up(purchase, abandoned=purchase.created_at < now - ABANDONED)
    return asked


def _ask_or_give_up(purchase: Purchase, *, abandoned: bool) -> bool:
    if purchase.provider_id is None:
        if abandoned:
            with transaction.atomic():
                bought.cancel(purchase)
        return False
    try:
        ask_about(purchase)
        if abandoned and purchase.status == Status.PENDING and purchase.way != Way.PAGE:
            give_up(purchase)
    except ProviderError as error:
        log.warning("purchase %s not read: %s", purchase.pk, error.code)
        return False
    return True


def give_up(purchase: Purchase) -> None:
    """An intent waits for ever by itself; one that is forgotten must not be paid by accident."""
    if Payment.objects.filter(purchase=purchase, status=Payment.Status.PROCESSING).exists():
        return
    purchase_calls.cancel_intent(purchase)
