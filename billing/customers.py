"""Who our users are at a provider."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction

from billing.models import Customer
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.base import NewCustomer
from billing.providers.facts import CustomerMade
from sessions_live.models import User


def ensure_customer(user: User, provider: str) -> str:
    """The provider's id; made now where there is none. Raises ProviderError."""
    customer, _ = Customer.objects.get_or_create(user=user, provider=provider)
    if customer.provider_id is not None:
        return customer.provider_id
    wishes = NewCustomer(customer_key=str(customer.pk), email=user.email, user_id=user.pk)
    with transaction.atomic():
        known = Customer.objects.select_for_update().get(pk=customer.pk).provider_id
        if known is not None:
            return known
        making = outgoing.request(
            kind="customer.create",
            provider=provider,
            subject=f"customer:{customer.pk}",
            wishes=asdict(wishes),
            user=user,
        )
    return outgoing.submit(making).provider_id


@carries_out("customer.create")
class MakeCustomer:
    def call(self, operation: Operation) -> Done:
        wishes, key = NewCustomer(**operation.wishes), str(operation.pk)
        return self.done(get_provider(operation.provider).create_customer(wishes, key=key))

    def look_up(self, operation: Operation) -> Done | None:
        wishes, key = NewCustomer(**operation.wishes), str(operation.pk)
        made = get_provider(operation.provider).find_customer(wishes, key=key)
        return self.done(made) if made else None

    def done(self, made: CustomerMade) -> Done:
        return Done(made.made_id, facts=(made,))


def know_customer(fact: CustomerMade) -> None:
    """Safe to repeat; must run inside a transaction."""
    Customer.objects.filter(pk=fact.key, provider_id=None).update(provider_id=fact.made_id)
