"""The provider's books and ours: each of their lines is a transfer of ours, and the other way
round. Which transfer stands for which line is kept as a Match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from billing import payments
from billing.models import Payment
from billing.operations.models import Operation
from billing.providers.base import Provider
from billing.providers.comparing import Movement
from billing.providers.facts import Fact
from billing.reconciliation.comparers import Comparer, Found, Look, Scope, owned
from billing.reconciliation.listing import next_place, place_of
from billing.reconciliation.models import Difference, Match
from billing.reconciliation.objects import NOT_THERE
from billing.wallet import bookings
from billing.wallet.accounts import clearing
from billing.wallet.models import Entry
from billing.wallet.payout_models import Payout
from billing.wallet.payout_steps import TAKE_BACK
from billing.webhooks.inbox import hold_subject
from billing.webhooks.registry import dispatch
from config.kit.money import Money

# What moves between us and payees stands in the payouts' rows until the bank has told.
PAYING_OUT = ("transfer", "transfer_back")
# How our books begin and end the name of each.
MONEY_BACK = {
    "refund": ("refund", ""),
    "refund_failed": ("refund", ":undone"),
    "dispute": ("dispute", ":opened"),
    "dispute_won": ("dispute", ":won"),
}
OWN_BANK = {
    "bank_payout": ("bank_payout", ":sent"),
    "bank_payout_back": ("bank_payout", ":returned"),
    "top_up": ("top_up", ":received"),
    "top_up_back": ("top_up", ":returned"),
}
NAMED_BY_SOURCE = MONEY_BACK | OWN_BANK


Told = tuple[Movement, list[Fact]]


class Movements(Comparer):
    name = "movements"
    kinds = ("booking_missing", "booking_amount", "fee_missing", "fee_amount", "movement_unbooked")
    for_people = ("booking_amount", "fee_amount", "movement_unbooked")

    def look(self, scope: Scope, after: str) -> Look:
        cursor, _ = place_of(after)
        page = scope.ask(scope.client.list_movements, scope.since, cursor, scope.customer)
        books = Books(scope.run.provider, page.items)
        books.note_matches()
        return Look(
            found=[found for each in page.items for found in books.judge(each)],
            looked_at={each.movement_id for each in page.items},
            after=next_place(page),
        )

    def read(self, client: Provider, difference: Difference) -> Told:
        movement = client.read_movement(difference.object_id)
        if movement.kind not in NAMED_BY_SOURCE or difference.kind == "fee_missing":
            return movement, []
        return movement, client.read_source(movement.kind, movement.source_id)

    def mend(self, difference: Difference, told: Told) -> list[Found]:
        """Books what moved, by the rule that should have; nothing that is booked is changed."""
        provider, (movement, facts) = difference.provider, told
        hold_subject(provider, difference.customer or movement.movement_id)
        for fact in facts:
            dispatch(fact)
        if difference.kind == "fee_missing":
            fee, kind = movement.fee, movement.kind
            bookings.provider_fee(movement.movement_id, provider, fee, for_what=kind)
        elif movement.kind == "payment":
            payments.book(Payment.objects.get(provider=provider, provider_id=movement.payment_id))
        books = Books(provider, [movement])
        books.note_matches()
        return [each for each in books.judge(movement) if each.kind == difference.kind]


class Books:
    """What our books say of some of the provider's movements."""

    def __init__(self, provider: str, movements: Sequence[Movement]) -> None:
        self.provider, self.movements = provider, movements
        self.payments = self._payments()
        self.payouts = self._payouts()
        self.references = {each.movement_id: self._references(each) for each in movements}
        names = {name for names in self.references.values() for name in names}
        names |= {fee_reference(provider, each.movement_id) for each in movements}
        self.booked = booked(provider, names)
        self.ours = owned(provider, (each.customer_id for each in movements))

    def _payments(self) -> dict[str, Payment]:
        rows = Payment.objects.filter(
            provider=self.provider, provider_id__in=[each.payment_id for each in self.movements]
        )
        return {row.provider_id: row for row in rows}

    def _payouts(self) -> dict[str, Payout]:
        """By the transfer that sent their money away, and by the reversal that took it back."""
        sources = [each.source_id for each in self.movements if each.kind in PAYING_OUT]
        rows = Payout.objects.filter(provider=self.provider, transfer_id__in=sources)
        found = {row.transfer_id: row for row in rows}
        taken_back = Operation.objects.filter(
            provider=self.provider, provider_id__in=sources, kind=TAKE_BACK
        )
        keys = {each.provider_id: UUID(each.wishes["payout_key"]) for each in taken_back}
        back = Payout.objects.in_bulk(keys.values())
        return found | {source: back[key] for source, key in keys.items() if key in back}

    def _references(self, movement: Movement) -> list[str]:
        """By which our books may call it, after docs/design.md."""
        source, kind = movement.source_id, movement.kind
        if kind == "payment":
            payment = self.payments.get(movement.payment_id)
            return [bookings.paid_reference(payment.pk)] if payment else []
        if kind in PAYING_OUT:
            payout = self.payouts.get(source)
            ends = "paid" if kind == "transfer" else "returned"
            return [f"payout:{payout.pk}:{ends}"] if payout else []
        if kind in NAMED_BY_SOURCE:
            return [reference_by_source(kind, self.provider, source)]
        return []

    def note_matches(self) -> None:
        rows = []
        for each in self.movements:
            names = [*self.references[each.movement_id]]
            names.append(fee_reference(self.provider, each.movement_id))
            rows += [
                Match(provider=self.provider, reference=name, movement_id=each.movement_id)
                for name in names
                if name in self.booked
            ]
        note(rows)

    def judge(self, movement: Movement) -> list[Found]:
        return [*self._judge_money(movement), *self._judge_fee(movement)]

    def left_out(self, movement: Movement) -> Money:
        """How much of it our books do not have."""
        known = movement.kind in PAYING_OUT and movement.source_id in self.payouts
        left = Money(0, movement.money.currency) if known else movement.money
        has = [self.booked[name] for name in self._booked_as(movement)]
        if has and not known:
            left = apart(movement.money, -has[0])
        return left - movement.fee + self._fee(movement)

    def _booked_as(self, movement: Movement) -> list[str]:
        return [name for name in self.references[movement.movement_id] if name in self.booked]

    def _fee(self, movement: Movement) -> Money:
        nothing = Money(0, movement.fee.currency)
        return self.booked.get(fee_reference(self.provider, movement.movement_id), nothing)

    def _judge_money(self, movement: Movement) -> list[Found]:
        if movement.kind == "fee" or (
            movement.kind in PAYING_OUT and movement.source_id in self.payouts
        ):
            return []
        if has := self._booked_as(movement):
            return self._judge_amount(movement, -self.booked[has[0]])
        payment = self.payments.get(movement.payment_id)
        if movement.kind != "payment":
            known = movement.kind in MONEY_BACK and payment is not None
            kind = "booking_missing" if known or movement.kind in OWN_BANK else "movement_unbooked"
            return [self._found(kind, movement, NOT_THERE, movement.money)]
        if payment is None and movement.customer_id in self.ours:
            return []  # the payment itself is missing, and is found as such
        if payment is not None and not payment.is_paid:
            return []  # as above: its status differs
        kind = "movement_unbooked" if payment is None else "booking_missing"
        return [self._found(kind, movement, NOT_THERE, movement.money)]

    def _judge_amount(self, movement: Movement, ours: Money) -> list[Found]:
        if ours == movement.money:
            return []
        return [self._found("booking_amount", movement, str(ours), apart(movement.money, ours))]

    def _judge_fee(self, movement: Movement) -> list[Found]:
        if not movement.fee.amount:
            return []
        has = self._fee(movement)
        if has == movement.fee:
            return []
        kind, ours = ("fee_amount", f"a fee of {has}") if has.amount else ("fee_missing", NOT_THERE)
        return [self._found(kind, movement, ours, has - movement.fee)]

    def _found(self, kind: str, movement: Movement, ours: str, by: Money) -> Found:
        of_fee, of_payment = kind.startswith("fee_"), movement.kind == "payment"
        words = f"a fee of {movement.fee}" if of_fee else str(movement.money)
        line = f"{movement.kind.replace('_', ' ')} {movement.source_id}".strip()
        payment = self.payments.get(movement.payment_id)
        return Found(
            kind=kind,
            object_id=movement.movement_id,
            ours=ours,
            theirs=f"{line}, {words}",
            customer=self._customer(movement, payment),
            about=tuple(
                filter(None, [movement.source_id, movement.payment_id if of_payment else ""])
            ),
            made_at=movement.at,
            heard_at=payment.state_at if payment and of_payment and not of_fee else None,
            apart=by,
        )

    def _customer(self, movement: Movement, payment: Payment | None) -> str:
        """A refund does not name its customer, but the payment that it is of does."""
        if movement.customer_id in self.ours or payment is None:
            return movement.customer_id
        theirs = payment.user.customers.filter(provider=self.provider)
        return theirs.values_list("provider_id", flat=True).first() or ""


def apart(theirs: Money, ours: Money) -> Money:
    """In the currency of their books, which may have exchanged it."""
    return theirs - ours if theirs.currency == ours.currency else theirs


def reference_by_source(kind: str, provider: str, source_id: str) -> str:
    name, ending = NAMED_BY_SOURCE[kind]
    return f"{name}:{provider}:{source_id}{ending}"


def fee_reference(provider: str, movement_id: str) -> str:
    return f"fee:{provider}:{movement_id}"


def booked(provider: str, references: Iterable[str]) -> dict[str, Money]:
    """What each of these transfers moved on the provider's clearing account."""
    entries = Entry.objects.filter(
        transfer__reference__in=list(references), account__name=clearing(provider)
    )
    found = entries.values_list("transfer__reference", "amount", "account__currency")
    return {name: Money(amount, currency) for name, amount, currency in found}


def note(rows: list[Any]) -> None:
    Match.objects.bulk_create(rows, ignore_conflicts=True)
