"""Buying a plan on the provider's hosted page, and finding out what came of it."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing import conversations, orders
from billing.hosted_page import open_checkout
from billing.models import (
    Conversation,
    Customer,
    Entitlement,
    Interval,
    Order,
    Price,
    Subscription,
)
from billing.operations.keys import made_once, of_key
from billing.owners import find_order
from billing.payments import record_payment
from billing.plans import trial_days_for
from billing.providers import get_provider
from billing.providers.base import CheckoutState, ProviderError
from billing.providers.facts import CheckoutFailed, CheckoutPaid, PaymentSucceeded
from billing.subscriptions import of_order
from billing.webhooks import inbox
from billing.webhooks.registry import NotOurs, Unclear, dispatch
from config.kit import request_id
from config.kit.errors import AppError
from config.kit.states import StaleState
from sessions_live.models import User

log = logging.getLogger(__name__)


class AlreadySubscribed(AppError):
    code = "already_subscribed"
    status = 409
    detail = "You have this subscription already; change or cancel it instead of buying again."


class OrderNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "You have no such checkout session."


@dataclass(frozen=True, slots=True)
class Verified:
    order: Order
    status: str
    payment_status: str
    subscription: Subscription | None


def start_checkout(
    user: User,
    price: Price,
    *,
    provider: str,
    success_url: str,
    cancel_url: str,
    conversation: Conversation | None = None,
    idempotency_key: str | None = None,
) -> Order:
    """The order with its hosted page's `url`. The same key and wishes give the same order, also
    after a crash in between. Raises AlreadySubscribed, AlreadyPaid, NotForSale, KeyReused,
    ProviderError."""
    wishes = (price.pk, provider, success_url, cancel_url, conversation and conversation.pk)
    fingerprint = hashlib.sha256(repr(wishes).encode()).hexdigest()
    order = of_key(_orders_of(user), idempotency_key, fingerprint)
    if order is None:
        # What was bought for one conversation is bought again for the next.
        if conversation is None or price.is_recurring:
            refuse_second(user, price)
        order = _new_order(
            user,
            price,
            conversation,
            provider=provider,
            success_url=success_url,
            cancel_url=cancel_url,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
        )
    if not order.url:
        open_checkout(order)
        give_up_others(order)
    return order


def refuse_second(user: User, price: Price) -> None:
    """At most one running subscription, and nothing at all beside a plan held for good."""
    held_for_good = Entitlement.objects.in_force(timezone.now()).filter(
        user=user, source__startswith="order:", plan__rank__gte=price.plan.rank
    )
    if held_for_good.exists():
        raise AlreadySubscribed("You own this plan or a better one for good.")
    if price.is_recurring and Subscription.objects.live().filter(user=user).exists():
        raise AlreadySubscribed()


def _new_order(
    user: User,
    price: Price,
    conversation: Conversation | None,
    *,
    idempotency_key: str | None,
    fingerprint: str,
    **wishes: str,
) -> Order:
    """Committed before the provider hears of it, so that its webhook always finds it."""

    def make() -> Order:
        if conversation is not None:
            conversations.refuse_paid(conversation)
        order = Order.objects.create(
            user=user,
            price=price,
            conversation=conversation,
            amount=price.amount,
            currency=price.currency,
            trial_days=trial_days_for(user, price),
            ends_lesser=not price.is_recurring,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            request_id=request_id.current.get(),
            **wishes,
        )
        conversations.follow(order)
        return order

    return made_once(_orders_of(user), idempotency_key, fingerprint, make)


def _orders_of(user: User) -> QuerySet[Order]:
    return Order.objects.select_related("price__plan").filter(user=user)


def give_up_others(order: Order) -> None:
    """Closes the hosted pages of other tabs: two of them paid would be two subscriptions, or one
    conversation paid twice."""
    rivals = Q(pk__in=[])
    if order.price.is_recurring:
        rivals |= ~Q(price__interval=Interval.ONCE)
    if order.conversation_id is not None:
        rivals |= Q(conversation=order.conversation_id)
    close(
        Order.objects.filter(
            rivals, user=order.user, status=Order.Status.PENDING, created_at__lt=order.created_at
        )
    )


def close(others: QuerySet[Order]) -> None:
    """Outside any transaction: closes hosted pages that are still open, the newest first."""
    for other in others.exclude(provider_id=None).order_by("-created_at")[:5]:
        try:
            get_provider(other.provider).expire_checkout(other.provider_id or "")
        except ProviderError as error:
            # Paid or ended already, or out of reach: the webhook tells, and a second live
            # subscription would be canceled when it shows.
            log.info("checkout %s not closed: %s", other.provider_id, error.code)
            continue
        # Another tab, or the webhook, may be faster in saying so.
        with suppress(StaleState), transaction.atomic():
            orders.fail(other, expired=True)


def verify_checkout(user: User, session_id: str) -> Verified:
    """What came of a checkout. Where no webhook has told yet, the provider is asked, and the
    same effects happen as if it had. Raises OrderNotFound, ProviderError."""
    order = (
        Order.objects.select_related("price__plan", "user")
        .filter(user=user, provider_id=session_id)
        .first()
    )
    if order is None:
        raise OrderNotFound()
    if order.status == Order.Status.COMPLETED:
        return Verified(order, "complete", order.payment_status, of_order(order))
    state = get_provider(order.provider).read_checkout(session_id)
    apply_checkout(order, state)
    order.refresh_from_db()
    return Verified(order, state.status, state.payment_status, of_order(order))


def apply_checkout(order: Order, state: CheckoutState) -> None:
    customer = Customer.objects.filter(user=order.user, provider=order.provider).first()
    with transaction.atomic():
        if customer and customer.provider_id:
            inbox.hold_subject(order.provider, customer.provider_id)
        for fact in state.facts:
            dispatch(fact)


def complete_checkout(fact: CheckoutPaid) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs, Unclear."""
    order = find_order(fact.order_id)
    if order is None or order.provider_id not in (None, fact.checkout_id):
        raise NotOurs(f"checkout {fact.checkout_id} is of no order of ours")
    if fact.subscription_id and not fact.settled:
        known = Subscription.objects.filter(
            provider=fact.provider, provider_id=fact.subscription_id
        )
        if not known.exists():
            raise Unclear(fact)
    if order.provider_id is None:
        # We died between Stripe's answer and our note of it; the return page finds it again.
        Order.objects.filter(pk=order.pk).update(provider_id=fact.checkout_id)
    orders.complete(order, payment_status=fact.payment_status)
    if fact.payment_id:
        record_payment(PaymentSucceeded.of_checkout(fact))


def fail_checkout(fact: CheckoutFailed) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    order = find_order(fact.order_id)
    if order is None:
        raise NotOurs(f"checkout {fact.checkout_id} is of no order of ours")
    orders.fail(order, expired=fact.expired)
