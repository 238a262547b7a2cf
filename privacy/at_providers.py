"""Leaving the payment providers: nothing is charged any more, then nothing is known any more."""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction

from billing import checkout, duplicates, escrow_news, orders, purchase_calls
from billing.models import Customer, Order, Payment, Purchase, Subscription
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.base import ProviderError, ProviderRefused
from billing.wallet.models import Escrow
from billing.wallet.payout_models import PayoutAccount
from billing.webhooks import forgetting
from sessions_live.models import User

CANCEL, SCRUB, CLOSE = "erasure.cancel", "erasure.scrub", "erasure.close_account"
carries_out(CANCEL)(duplicates.CancelDuplicate)


@carries_out(SCRUB)
class ScrubCustomer:
    def call(self, operation: Operation) -> Done:
        customer_id = operation.wishes["customer_id"]
        get_provider(operation.provider).scrub_customer(customer_id, key=str(operation.pk))
        return Done(customer_id)

    def look_up(self, operation: Operation) -> Done | None:
        customer_id = operation.wishes["customer_id"]
        scrubbed = get_provider(operation.provider).is_scrubbed(customer_id)
        return Done(customer_id) if scrubbed else None


@carries_out(CLOSE)
class ClosePayoutAccount:
    def call(self, operation: Operation) -> Done:
        account_id = operation.wishes["account_id"]
        get_provider(operation.provider).close_payout_account(account_id)
        return Done(account_id)

    def look_up(self, operation: Operation) -> Done | None:
        account_id = operation.wishes["account_id"]
        closed = get_provider(operation.provider).is_closed(account_id)
        return Done(account_id) if closed else None


def end_everything(user: User) -> None:
    """Safe to repeat. Raises ProviderError where one has not answered yet."""
    if Operation.objects.open().filter(user=user).exclude(kind__in=(CANCEL, SCRUB, CLOSE)).exists():
        raise ProviderError("Something that was asked of the provider before is still open.")
    close_pages(user)
    close_purchases(user)
    close_escrows(user)
    cancel_all(user)


def cancel_all(user: User) -> None:
    running = Subscription.objects.filter(user=user).exclude(status__in=Subscription.FINAL)
    for subscription in running:
        once(
            CANCEL,
            subscription.provider,
            f"subscription:{subscription.pk}",
            {"subscription_id": subscription.provider_id},
            user,
        )


def close_pages(user: User) -> None:
    """So that nobody pays after the end."""
    for order in Order.objects.filter(user=user, status=Order.Status.PENDING):
        if order.provider_id:
            try:
                get_provider(order.provider).expire_checkout(order.provider_id)
            except ProviderRefused:
                # Paid or over already: what was bought must be known, to be canceled.
                state = get_provider(order.provider).read_checkout(order.provider_id)
                checkout.apply_checkout(order, state)
                continue
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=order.pk)
            orders.fail(order, expired=True)


def close_purchases(user: User) -> None:
    pending = Purchase.objects.filter(user=user, status=Purchase.Status.PENDING)
    for purchase in pending.exclude(provider_id=None):
        # What is paid already is a purchase, and its webhook will say so.
        with suppress(ProviderRefused):
            if purchase.way == Purchase.Way.PAGE:
                get_provider(purchase.provider).expire_checkout(str(purchase.provider_id))
            else:
                purchase_calls.cancel_intent(purchase)


def close_escrows(user: User) -> None:
    """Whoever pays: nobody is left who could be paid, or who could release it."""
    for agreed in Escrow.objects.of(user.pk).unpaid():
        escrow_news.close(agreed)


def be_forgotten(user: User) -> dict[str, list[str]]:
    """Provider → the ids by which it spoke of the person. Raises ProviderError."""
    known: dict[str, list[str]] = {}
    for customer in Customer.objects.filter(user=user).exclude(provider_id=None):
        customer_id = str(customer.provider_id)
        methods = get_provider(customer.provider).methods_of(customer_id)
        # Before anything changes there: the news of the change tells all once more.
        forgetting.remember(customer.provider, [customer_id, *methods])
        once(
            SCRUB,
            customer.provider,
            f"customer:{customer.pk}",
            {"customer_id": customer_id},
            user,
        )
    for account in PayoutAccount.objects.filter(user=user).exclude(provider_id=None):
        account_id = str(account.provider_id)
        forgetting.remember(account.provider, [account_id])
        subject = f"payout_account:{account.pk}"
        once(CLOSE, account.provider, subject, {"account_id": account_id}, user)
    for provider, ids in ids_of(user).items():
        forgetting.remember(provider, ids)
        known[provider] = list(ids)
    return known


def ids_of(user: User) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for model in (Customer, Subscription, Payment, PayoutAccount):
        for row in model._default_manager.filter(user=user).exclude(provider_id=None):
            ids.setdefault(row.provider, set()).add(str(row.provider_id))
    for row in Payment.objects.filter(user=user).exclude(invoice_id=""):
        ids.setdefault(row.provider, set()).add(row.invoice_id)
    return ids


def once(kind: str, provider: str, subject: str, wishes: dict[str, str], user: User) -> None:
    """One success is enough, however often an erasure is begun anew. Raises ProviderError."""
    asked = Operation.objects.filter(kind=kind, subject=subject)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        if asked.filter(status=Operation.Status.SUCCEEDED).exists():
            return
        operation = outgoing.request(
            kind=kind, provider=provider, subject=subject, wishes=wishes, user=user
        )
    outgoing.submit(operation)
