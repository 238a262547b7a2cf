"""The provider's own page for cards and addresses. What is done there comes back as webhooks."""

from __future__ import annotations

import uuid

from django.db import transaction

from billing.customers import ensure_customer
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from sessions_live.models import User

KIND = "portal.open"
PROVIDER = "stripe"


def open_portal(user: User, *, return_url: str, key: str | None) -> str:
    """Its address, for this one visit: whoever knows it is let in, so that it is in no row. The
    same key is answered by the provider with the same page. Raises KeyReused, ProviderError."""
    customer_id = ensure_customer(user, PROVIDER)
    their_key = str(uuid.uuid4())
    if key is not None:
        with transaction.atomic():
            operation = outgoing.request(
                kind=KIND,
                provider=PROVIDER,
                subject=f"portal:{uuid.uuid5(uuid.NAMESPACE_URL, f'{user.pk}:{key}')}",
                wishes={"customer_id": customer_id, "return_url": return_url},
                user=user,
                idempotency_key=key,
            )
        their_key = str(outgoing.submit(operation).pk)
    _, url = get_provider(PROVIDER).open_portal(customer_id, return_url, key=their_key)
    return url


@carries_out(KIND)
class OpenPortal:
    def call(self, operation: Operation) -> Done:
        wishes, key = operation.wishes, str(operation.pk)
        provider = get_provider(operation.provider)
        made_id, _ = provider.open_portal(wishes["customer_id"], wishes["return_url"], key=key)
        return Done(made_id)

    def look_up(self, operation: Operation) -> Done | None:
        """A page that nobody has seen is of no use: another one is opened."""
        return None
