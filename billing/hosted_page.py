"""The provider's page on which an order is paid: opening it, once for each order."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction
from django.db.models import Q

from billing.customers import ensure_customer
from billing.models import Order, ProviderPrice
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.base import CheckoutRequest
from billing.providers.facts import CheckoutOpened
from config.kit.errors import AppError


class NotForSale(AppError):
    code = "not_for_sale"
    status = 409
    detail = "This price cannot be bought right now; the catalogue and the provider disagree."


def open_checkout(order: Order) -> None:
    """Asks the provider for the order's hosted page; asking twice is harmless. Raises NotForSale,
    ProviderError."""
    listed = ProviderPrice.objects.filter(
        price=order.price, provider=order.provider, in_step=True
    ).first()
    if listed is None:
        raise NotForSale()
    wishes = page_wishes(order, listed, ensure_customer(order.user, order.provider))
    with transaction.atomic():
        if Order.objects.select_for_update().get(pk=order.pk).url:
            order.refresh_from_db(fields=["provider_id", "url"])
            return
        opening = outgoing.request(
            kind="checkout.open",
            provider=order.provider,
            subject=f"order:{order.pk}",
            wishes=asdict(wishes),
            user=order.user,
        )
    outgoing.submit(opening)
    order.refresh_from_db(fields=["provider_id", "url"])


def page_wishes(order: Order, listed: ProviderPrice, customer_id: str) -> CheckoutRequest:
    plan = order.price.plan
    return CheckoutRequest(
        order_id=str(order.pk),
        customer_id=customer_id,
        price_id=listed.provider_id,
        recurring=order.price.is_recurring,
        tier=plan.tier,
        success_url=order.success_url,
        cancel_url=order.cancel_url,
        trial_days=order.trial_days,
        trial_needs_card=plan.trial_needs_card,
        allow_promotion_codes=plan.allow_promotion_codes,
        collect_billing_address=plan.collect_billing_address,
        automatic_tax=plan.automatic_tax,
        request_id=order.request_id,
    )


@carries_out("checkout.open")
class OpenCheckout:
    def call(self, operation: Operation) -> Done:
        wishes, key = CheckoutRequest(**operation.wishes), str(operation.pk)
        return self.done(get_provider(operation.provider).open_checkout(wishes, key=key))

    def look_up(self, operation: Operation) -> Done | None:
        wishes, key = CheckoutRequest(**operation.wishes), str(operation.pk)
        opened = get_provider(operation.provider).find_checkout(wishes, key=key)
        return self.done(opened) if opened else None

    def done(self, opened: CheckoutOpened) -> Done:
        return Done(opened.checkout_id, facts=(opened,))


def know_page(fact: CheckoutOpened) -> None:
    """Safe to repeat; must run inside a transaction."""
    own = Order.objects.filter(pk=fact.order_id, provider=fact.provider)
    own.filter(Q(provider_id=None) | Q(provider_id=fact.checkout_id)).update(
        provider_id=fact.checkout_id, url=fact.url
    )
