"""What is sold, side by side: customers, subscriptions, invoices and payments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from billing.models import Customer, Invoice, Payment, Subscription
from billing.payments import STATUS
from billing.providers.base import Provider
from billing.providers.comparing import CustomerSeen, Listed
from billing.providers.facts import (
    CustomerMade,
    Fact,
    InvoiceChanged,
    PaymentFact,
    PaymentSucceeded,
    SubscriptionChanged,
)
from billing.reconciliation.comparers import Found, Scope, owned
from billing.reconciliation.listing import Objects
from billing.reconciliation.models import Difference
from billing.wallet import bookings, ledger
from billing.webhooks.inbox import hold_subject
from billing.webhooks.registry import dispatch
from config.kit.money import Money

NOT_THERE = "nothing"
# The end of a kind, our words, and the provider's.
Differs = tuple[str, str, str]


def of_customer(rows: QuerySet[Any], scope: Scope) -> QuerySet[Any]:
    rows = rows.filter(provider=scope.run.provider)
    if not scope.customer:
        return rows
    return rows.filter(
        user__customers__provider=scope.run.provider, user__customers__provider_id=scope.customer
    )


class Customers(Objects):
    name, noun = "customers", "customer"
    kinds = (
        *("customer_missing", "customer_double", "customer_owner"),
        *("customer_orphaned", "customer_unreadable"),
    )
    for_people = kinds[1:]

    def page(self, scope: Scope, after: str) -> Listed[CustomerSeen]:
        return scope.client.list_customers(scope.since, after, scope.customer)

    def ours(self, scope: Scope) -> QuerySet[Customer]:
        return of_customer(Customer.objects.exclude(provider_id=None), scope)

    def judge(self, provider: str, told: Sequence[CustomerSeen]) -> list[Found]:
        rows = Customer.objects.filter(provider=provider)
        known = {
            row.provider_id: row
            for row in rows.filter(provider_id__in=[each.customer_id for each in told])
        }
        keys = [each.key for each in told if is_uuid(each.key)]
        named = {str(row.pk): row for row in rows.filter(pk__in=keys)}
        found = []
        for each in told:
            row, meant = known.get(each.customer_id), named.get(each.key)
            if meant is not None and row != meant:
                found.append(self.found(each, row, meant))
        return found

    def found(self, seen: CustomerSeen, row: Customer | None, meant: Customer) -> Found:
        kind, ours = "customer_owner", f"of {row.pk}" if row else ""
        if row is None:
            kind = "customer_double" if meant.provider_id else "customer_missing"
            ours = meant.provider_id or NOT_THERE
        return Found(
            kind=kind,
            object_id=seen.customer_id,
            ours=ours,
            theirs=f"of {meant.pk}",
            customer=seen.customer_id,
            made_at=seen.created_at,
        )

    def read_one(self, client: Provider, object_id: str) -> list[CustomerSeen]:
        return [client.read_customer(object_id)]

    def orphan(self, row: Customer) -> Found:
        return orphan(self, row, f"customer of {row.pk}", row.provider_id or "")

    def mend(self, difference: Difference, told: list[CustomerSeen]) -> list[Found]:
        for each in told:
            hold_subject(difference.provider, each.customer_id)
            dispatch(
                CustomerMade(
                    provider=difference.provider,
                    at=each.created_at,
                    settled=True,
                    key=each.key,
                    made_id=each.customer_id,
                )
            )
        return self.judge(difference.provider, told)


class Subscriptions(Objects):
    name, noun = "subscriptions", "subscription"
    kinds = (
        *("subscription_missing", "subscription_status", "subscription_terms"),
        *("subscription_orphaned", "subscription_unreadable"),
    )
    for_people = kinds[3:]

    def page(self, scope: Scope, after: str) -> Listed[Fact]:
        return scope.client.list_subscriptions(scope.since, after, scope.customer)

    def ours(self, scope: Scope) -> QuerySet[Subscription]:
        return of_customer(Subscription.objects.all(), scope)

    def judge(self, provider: str, told: Sequence[SubscriptionChanged]) -> list[Found]:
        rows = Subscription.objects.filter(provider=provider)
        return compared(self, provider, rows, told, differing_subscription)

    def read_one(self, client: Provider, object_id: str) -> list[SubscriptionChanged]:
        return [client.read_subscription(object_id)]

    def orphan(self, row: Subscription) -> Found:
        return orphan(self, row, f"{row.status}, {row.money} a {row.interval}")


def differing_subscription(row: Subscription | None, fact: SubscriptionChanged) -> Differs | None:
    if row is None:
        return "missing", NOT_THERE, fact.status
    if row.status != fact.status:
        return "status", row.status, fact.status
    ours = terms(row.money, row.interval, row.cancel_at_period_end, row.current_period_end)
    theirs = terms(fact.money, fact.interval, fact.cancel_at_period_end, fact.current_period_end)
    if ours != theirs and row.status not in Subscription.FINAL:
        return "terms", ours, theirs
    return None


def terms(money: Money, interval: str, ends: bool, until: datetime | None) -> str:
    price = f"{money} a {interval}"
    if until is None:
        return price
    return f"{price}, {'ends' if ends else 'renews'} {until:%Y-%m-%d %H:%M:%S}"


class Invoices(Objects):
    name, noun = "invoices", "invoice"
    kinds = (
        *("invoice_missing", "invoice_status", "invoice_amounts"),
        *("invoice_orphaned", "invoice_unreadable"),
    )
    for_people = kinds[3:]

    def page(self, scope: Scope, after: str) -> Listed[InvoiceChanged]:
        return scope.client.list_invoices(scope.since, after, scope.customer)

    def ours(self, scope: Scope) -> QuerySet[Invoice]:
        rows = Invoice.objects.everybodys().filter(kind=Invoice.Kind.INVOICE)
        return of_customer(rows, scope)

    def judge(self, provider: str, told: Sequence[InvoiceChanged]) -> list[Found]:
        # A draft is told to nobody, as it may still change.
        told = [fact for fact in told if fact.status != Invoice.Status.DRAFT]
        rows = Invoice.objects.filter(provider=provider)
        return compared(self, provider, rows, told, differing_invoice)

    def read_one(self, client: Provider, object_id: str) -> list[InvoiceChanged]:
        return [client.read_invoice_alone(object_id)]

    def orphan(self, row: Invoice) -> Found:
        return orphan(self, row, sums(row))


def differing_invoice(row: Invoice | None, fact: InvoiceChanged) -> Differs | None:
    if row is None:
        return "missing", NOT_THERE, sums(fact)
    if sums(row) == sums(fact):
        return None
    return "amounts" if row.status == fact.status else "status", sums(row), sums(fact)


def sums(invoice: Invoice | InvoiceChanged) -> str:
    total, tax, paid, left = (
        Money(each, invoice.currency)
        for each in (invoice.total, invoice.tax, invoice.amount_paid, invoice.amount_remaining)
    )
    return f"{invoice.number}, {invoice.status}: {total} with {tax} tax, {paid} paid, {left} left"


class Payments(Objects):
    name, noun = "payments", "payment"
    kinds = (
        *("payment_missing", "payment_status", "payment_amount"),
        *("payment_orphaned", "payment_unreadable"),
    )
    for_people = kinds[3:]

    def page(self, scope: Scope, after: str) -> Listed[Fact]:
        return scope.client.list_payments(scope.since, after, scope.customer)

    def ours(self, scope: Scope) -> QuerySet[Payment]:
        # Where nothing was charged a payment stands for its invoice, which is compared by itself.
        charged = Payment.objects.exclude(provider_id=F("invoice_id"))
        return of_customer(charged, scope)

    def judge(self, provider: str, told: Sequence[PaymentFact]) -> list[Found]:
        rows = Payment.objects.filter(provider=provider)
        return compared(self, provider, rows, told, differing_payment, more=about_payment)

    def read_one(self, client: Provider, object_id: str) -> list[Fact]:
        return list(client.read_intent(object_id).facts)

    def orphan(self, row: Payment) -> Found:
        return orphan(self, row, f"{row.status}, {row.money}")


def differing_payment(row: Payment | None, fact: PaymentFact) -> Differs | None:
    theirs = STATUS[type(fact)]
    if row is None:
        return "missing", NOT_THERE, f"{theirs}, {fact.money}"
    # Held, released, refunded: what became of paid money since is not the intent's to tell.
    ours = Payment.Status.SUCCEEDED if row.is_paid else row.status
    if ours != theirs:
        return "status", row.status, theirs
    if row.is_paid and row.money != fact.money:
        return "amount", str(row.money), str(fact.money)
    return None


def about_payment(row: Payment | None, fact: PaymentFact) -> dict[str, Any]:
    told: dict[str, Any] = {"apart": unbooked(row, fact)}
    if row is not None:
        told |= {"heard_at": row.state_at, "about": tuple(filter(None, [row.invoice_id]))}
    return told


def unbooked(row: Payment | None, fact: PaymentFact) -> Money | None:
    """What was paid there and is not in our books."""
    if not isinstance(fact, PaymentSucceeded):
        return None
    booked = row is not None and ledger.is_booked(bookings.paid_reference(row.pk))
    return None if booked else fact.money


def heard(row: Any, _: Fact) -> dict[str, Any]:
    return {"heard_at": row.fact_at} if row is not None else {}


def compared(
    comparer: Objects,
    provider: str,
    rows: QuerySet[Any],
    told: Sequence[Any],
    differing: Callable[[Any, Any], Differs | None],
    *,
    more: Callable[[Any, Any], dict[str, Any]] = heard,
) -> list[Found]:
    """Each fact beside our row of the same thing, but for what others sold through the account."""
    name = f"{comparer.noun}_id"
    known = {
        row.provider_id: row
        for row in rows.filter(provider_id__in=[getattr(fact, name) for fact in told])
    }
    ours = owned(provider, (fact.customer_id for fact in told))
    found = []
    for fact in told:
        row = known.get(getattr(fact, name))
        differs = differing(row, fact) if row is not None or fact.customer_id in ours else None
        if differs is not None:
            kind, here, there = differs
            found.append(
                Found(
                    kind=f"{comparer.noun}_{kind}",
                    object_id=getattr(fact, name),
                    ours=here,
                    theirs=there,
                    customer=fact.customer_id,
                    made_at=fact.created_at,
                    **more(row, fact),
                )
            )
    return found


def orphan(comparer: Objects, row: Any, words: str, customer: str = "") -> Found:
    if not customer:
        theirs = row.user.customers.filter(provider=row.provider)
        customer = theirs.values_list("provider_id", flat=True).first() or ""
    return Found(
        kind=f"{comparer.noun}_orphaned",
        object_id=row.provider_id,
        ours=words,
        theirs=NOT_THERE,
        customer=customer,
        made_at=row.created_at,
    )


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
