"""What became of a purchase. Webhook, owner's question and sweep end in the same effects."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from billing import bought, purchase_calls, quiet
from billing.models import Customer, Payment, Purchase
from billing.owners import find_purchase
from billing.payments import record_payment
from billing.providers import get_provider
from billing.providers.base import CheckoutState, IntentState
from billing.providers.facts import CheckoutFailed, CheckoutPaid, Fact, PaymentSucceeded
from billing.webhooks import inbox
from billing.webhooks.registry import NotOurs, dispatch
from config.kit.errors import AppError
from sessions_live.models import User

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
    pending = Purchase.objects.select_related("item", "user").filter(status=Status.PENDING)
    return quiet.ask_about_all(pending, ask=look_again, give_up=give_up)


def look_again(purchase: Purchase) -> None:
    """Raises ProviderError."""
    if purchase.provider_id is not None:
        ask_about(purchase)


def give_up(purchase: Purchase) -> None:
    """A page ends by itself, an intent waits for ever. Raises ProviderError."""
    if purchase.provider_id is None:
        with transaction.atomic():
            bought.cancel(purchase)
    elif purchase.status == Status.PENDING and purchase.way != Way.PAGE:
        under_way = Payment.objects.filter(purchase=purchase, status=Payment.Status.PROCESSING)
        if not under_way.exists():
            purchase_calls.cancel_intent(purchase)
