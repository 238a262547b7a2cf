"""Differences made on purpose: rows that are harmed, and things that happen at the provider alone.
Each function plants one, of the kind that it is named after, and says of which object."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.models import Customer, Entitlement, Invoice, Order, Payment, Subscription
from billing.wallet import ledger
from billing.wallet.models import Account, Entry, Transfer
from billing.webhooks.models import WebhookEvent
from config.kit.money import Money
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.payments import make_payment

numbers = itertools.count(1)


def ask(shop: Shop, path: str, **data: Any) -> dict[str, Any]:
    """What somebody does at Stripe without us, in its dashboard or by a program."""
    answer = shop.stripe.stripe.post(f"/v1/{path}", data=data)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def customer_of(person: User) -> Customer:
    return Customer.objects.get(user=person)


# --- customers ------------------------------------------------------------------------------------
def customer_missing(shop: Shop, person: User) -> str:
    """Stripe's answer was lost, and with it the call."""
    row = Customer.objects.create(user=shop.person(), provider="stripe")
    return str(ask(shop, "customers", **{"metadata[customer_id]": str(row.pk)})["id"])


def customer_double(shop: Shop, person: User) -> str:
    key = str(customer_of(person).pk)
    return str(ask(shop, "customers", **{"metadata[customer_id]": key})["id"])


def customer_owner(shop: Shop, person: User) -> str:
    """Stripe's customer of one person names another one's row."""
    other = Customer.objects.exclude(user=person).exclude(provider_id=None).earliest("pk")
    theirs = customer_of(person).provider_id
    ask(shop, f"customers/{theirs}", **{"metadata[customer_id]": str(other.pk)})
    return str(theirs)


def customer_orphaned(shop: Shop, person: User) -> str:
    made = f"cus_gone{next(numbers)}"
    Customer.objects.create(user=shop.person(), provider="stripe", provider_id=made)
    return made


# --- what is sold ---------------------------------------------------------------------------------
def subscription_orphaned(shop: Shop, person: User) -> str:
    row = Subscription.objects.filter(user=person).latest("created_at")
    row.pk, row._state.adding = None, True
    row.id = Subscription._meta.pk.get_default()
    row.user, row.status, row.provider_id = shop.person(), "canceled", f"sub_gone{next(numbers)}"
    row.save(force_insert=True)
    return row.provider_id


def invoice_missing(shop: Shop, person: User) -> str:
    row = Invoice.objects.get(user=person, kind="invoice")
    row.delete()
    return row.provider_id


def invoice_status(shop: Shop, person: User) -> str:
    return harmed(Invoice.objects.get(user=person, kind="invoice"), status="open")


def invoice_amounts(shop: Shop, person: User) -> str:
    return harmed(Invoice.objects.get(user=person, kind="invoice"), total=1)


def invoice_orphaned(shop: Shop, person: User) -> str:
    row = Invoice.objects.get(user=person, kind="invoice")
    row.id, row._state.adding = Invoice._meta.pk.get_default(), True
    row.provider_id, row.number = f"in_gone{next(numbers)}", f"GONE-{next(numbers)}"
    row.save(force_insert=True)
    return row.provider_id


def payment_orphaned(shop: Shop, person: User) -> str:
    return make_payment(person, status="failed").provider_id


def harmed(row: Any, **fields: Any) -> str:
    type(row).objects.filter(pk=row.pk).update(**fields)
    return str(row.provider_id)


def bought_right_missing(shop: Shop, person: User) -> str:
    order = bought_for_good(shop)
    Entitlement.objects.filter(source=f"order:{order.pk}").delete()
    return str(order.provider_id)


def bought_right_extra(shop: Shop, person: User) -> str:
    """A right whose order was never paid."""
    order = bought_for_good(shop)
    Payment.objects.filter(order=order).update(order=None)
    return harmed(order, status="failed")


def bought_for_good(shop: Shop) -> Order:
    person = shop.person()
    shop.buy(person, "lifetime")
    theirs = str(customer_of(person).provider_id)
    shop.hear(*(each for each in shop.stripe.events() if theirs in str(each)))
    return Order.objects.get(user=person)


# --- the books ------------------------------------------------------------------------------------
def paid_behind_the_books(shop: Shop) -> tuple[Payment, str]:
    """A payment that was written down as paid by somebody who knew nothing of the books."""
    person = shop.person()
    shop.buy(person, "lifetime")
    theirs = shop.stripe.get("payment_intents", customer=customer_of(person).provider_id)["data"][0]
    row = make_payment(person, provider_id=theirs["id"], amount=theirs["amount"])
    shop.hear(*(each for each in shop.stripe.events() if theirs["id"] in str(each)))
    charge = shop.stripe.get(f"charges/{theirs['latest_charge']}")
    return row, str(charge["balance_transaction"])


def booking_missing(shop: Shop, person: User) -> str:
    return paid_behind_the_books(shop)[1]


def booking_amount(shop: Shop, person: User) -> str:
    row, movement = paid_behind_the_books(shop)
    book(f"payment:{row.pk}", 1)
    return movement


def booking_orphaned(shop: Shop, person: User) -> str:
    return book(f"gift:{next(numbers)}", 700)


def book(reference: str, amount: int) -> str:
    money = Money(amount, "usd")
    with transaction.atomic():
        ledger.move(money, reference=reference, source="stripe:clearing", to="revenue")
    return reference


def refund_unbooked(shop: Shop, person: User) -> str:
    """A refund in the dashboard whose event is here and was taken for nothing."""
    paid = Payment.objects.filter(user=person, status="succeeded").latest("created_at")
    made = ask(shop, "refunds", payment_intent=paid.provider_id, amount=5)
    put_aside(shop)
    return str(made["balance_transaction"])


def put_aside(shop: Shop) -> None:
    """All that was not told yet came, and meant nothing to us."""
    known = set(WebhookEvent.objects.values_list("event_id", flat=True))
    WebhookEvent.objects.bulk_create(
        WebhookEvent(
            provider="stripe",
            event_id=each["id"],
            type=each["type"],
            body=json.dumps(each),
            status="ignored",
        )
        for each in shop.stripe.events()
        if each["id"] not in known
    )


def movement_unbooked(shop: Shop, person: User) -> str:
    """Somebody else sells through the same account."""
    intent = ask(shop, "payment_intents", amount=500, currency="usd")
    done = shop.stripe.control(f"payment_intents/{intent['id']}/confirm", card="4242424242424242")
    charge = shop.stripe.get(f"charges/{done.json()['latest_charge']}")
    return str(charge["balance_transaction"])


def fees_collected_until_tomorrow() -> str:
    """A fee in the books that is newer than all others: none before it is asked for any more."""
    reference = f"fee:stripe:txn_gone{next(numbers)}"
    with transaction.atomic():
        tomorrow = timezone.now() + timedelta(days=1)
        made = Transfer.objects.create(
            reference=reference, kind="provider_fee", size=2, created_at=tomorrow
        )
        for line, (name, amount) in enumerate((("fees:provider", -30), ("stripe:clearing", 30)), 1):
            account, _ = Account.objects.get_or_create(
                name=name, currency="usd", defaults={"is_shared": True}
            )
            Entry.objects.create(transfer=made, line=line, account=account, amount=amount)
    return reference
