"""Asking the provider for a purchase's payment: once for each purchase, as operations."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction

from billing.customers import ensure_customer
from billing.models import Purchase
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.owners import find_purchase
from billing.providers import get_provider
from billing.providers.base import IntentRequest, ItemPageRequest
from billing.providers.facts import Fact, PurchaseOpened
from billing.webhooks.registry import NotOurs


def open_purchase(purchase: Purchase) -> None:
    """Asking twice is harmless. Raises ProviderError."""
    customer_id = ensure_customer(purchase.user, purchase.provider)
    on_page = purchase.way == Purchase.Way.PAGE
    wishes = page_wishes(purchase, customer_id) if on_page else intent_wishes(purchase, customer_id)
    _ask(purchase, "item_page.open" if on_page else "intent.open", asdict(wishes))
    purchase.refresh_from_db(
        fields=["provider_id", "client_secret", "url", "first_status", "refusal", "status"]
    )


def cancel_intent(purchase: Purchase) -> None:
    """Raises ProviderError."""
    _ask(purchase, "intent.cancel", {"intent_id": purchase.provider_id})


def _ask(purchase: Purchase, kind: str, wishes: dict[str, object]) -> None:
    with transaction.atomic():
        row = Purchase.objects.select_for_update().get(pk=purchase.pk)
        if kind.endswith(".open") and row.first_status:
            return
        asking = outgoing.request(
            kind=kind,
            provider=purchase.provider,
            subject=f"purchase:{purchase.pk}",
            wishes=wishes,
            user=purchase.user,
        )
    outgoing.submit(asking)


def intent_wishes(purchase: Purchase, customer_id: str) -> IntentRequest:
    return IntentRequest(
        purchase_id=str(purchase.pk),
        customer_id=customer_id,
        amount=purchase.amount,
        currency=purchase.currency,
        description=purchase.words,
        metadata=metadata_of(purchase),
        saved_method=purchase.saved_method,
    )


def page_wishes(purchase: Purchase, customer_id: str) -> ItemPageRequest:
    return ItemPageRequest(
        purchase_id=str(purchase.pk),
        customer_id=customer_id,
        name=purchase.item.name,
        unit_amount=purchase.unit_amount,
        currency=purchase.currency,
        quantity=purchase.quantity,
        description=purchase.words,
        metadata=metadata_of(purchase),
        success_url=purchase.success_url,
        cancel_url=purchase.cancel_url,
    )


def metadata_of(purchase: Purchase) -> dict[str, str]:
    """What the provider keeps with the payment: all of it text, as it is there."""
    return {
        "purchase_id": str(purchase.pk),
        "item_id": purchase.item_id,
        "quantity": str(purchase.quantity),
        "request_id": purchase.request_id,
    }


def know_purchase(fact: PurchaseOpened) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    purchase = find_purchase(fact.purchase_id)
    if purchase is None:
        raise NotOurs(f"{fact.opened_id} is of no purchase of ours")
    Purchase.objects.filter(pk=purchase.pk).update(
        provider_id=fact.opened_id,
        client_secret=fact.client_secret,
        url=fact.url,
        first_status=fact.status,
        refusal=fact.refusal[:300],
    )


@carries_out("intent.open")
class OpenIntent:
    def call(self, operation: Operation) -> Done:
        wishes, key = IntentRequest(**operation.wishes), str(operation.pk)
        return _opened(get_provider(operation.provider).open_intent(wishes, key=key))

    def look_up(self, operation: Operation) -> Done | None:
        wishes, key = IntentRequest(**operation.wishes), str(operation.pk)
        found = get_provider(operation.provider).find_intent(wishes, key=key)
        return _opened(found) if found else None


@carries_out("item_page.open")
class OpenItemPage:
    def call(self, operation: Operation) -> Done:
        wishes, key = ItemPageRequest(**operation.wishes), str(operation.pk)
        return _opened((get_provider(operation.provider).open_item_page(wishes, key=key),))

    def look_up(self, operation: Operation) -> Done | None:
        wishes, key = ItemPageRequest(**operation.wishes), str(operation.pk)
        found = get_provider(operation.provider).find_item_page(wishes, key=key)
        return _opened((found,)) if found else None


def _opened(facts: tuple[Fact, ...]) -> Done:
    opened = next(fact for fact in facts if isinstance(fact, PurchaseOpened))
    return Done(opened.opened_id, facts)


@carries_out("intent.cancel")
class CancelIntent:
    def call(self, operation: Operation) -> Done:
        theirs = operation.wishes["intent_id"]
        state = get_provider(operation.provider).cancel_intent(theirs, key=str(operation.pk))
        return Done(theirs, state.facts)

    def look_up(self, operation: Operation) -> Done | None:
        theirs = operation.wishes["intent_id"]
        state = get_provider(operation.provider).read_intent(theirs)
        return Done(theirs, state.facts) if state.status in ("canceled", "succeeded") else None
