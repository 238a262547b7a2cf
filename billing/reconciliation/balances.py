"""Our books against the provider's, the other way round: what only we have, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from billing import bookkeeping
from billing.models import Payment
from billing.providers.base import NotFound
from billing.providers.comparing import Movement
from billing.reconciliation.comparers import Comparer, Found, Look, Scope
from billing.reconciliation.models import Difference, Match
from billing.reconciliation.movements import NAMED_BY_SOURCE, Books, Movements, note
from billing.reconciliation.objects import NOT_THERE, Payments, of_customer
from billing.wallet import bookings
from billing.wallet.accounts import clearing
from billing.wallet.models import Entry
from billing.wallet.payout_models import Payout
from config.kit.money import Money

BATCH = 100
# How long a charge may take to come into the provider's books, and its news to come into ours.
LAG = timedelta(hours=2)
Cause = Difference.Cause


class Bookings(Comparer):
    """Transfers of ours that no line of the provider's books stands for."""

    name = "bookings"
    kinds = ("booking_orphaned",)
    for_people = kinds

    def look(self, scope: Scope, after: str) -> Look:
        entries = unmatched(scope).select_related("transfer", "account").order_by("pk")
        batch = list(entries.filter(pk__gt=int(after or 0))[:BATCH])
        seen = Look(after=str(batch[-1].pk) if len(batch) == BATCH else "")
        for entry in batch:
            reference = entry.transfer.reference
            seen.looked_at.add(reference)
            try:
                self.ask(scope, reference)
            except NotFound:
                seen.found.append(self.orphan(entry))
        if not after:
            seen.looked_at |= self.matched_since(scope)
        return seen

    def ask(self, scope: Scope, reference: str) -> None:
        """Keeps the match where there is one; none may only mean not yet. Raises NotFound."""
        movement = moved(scope, reference)
        if movement is not None:
            note(
                [
                    Match(
                        provider=scope.run.provider,
                        reference=reference,
                        movement_id=movement.movement_id,
                    )
                ]
            )

    def orphan(self, entry: Entry) -> Found:
        ours = Money(-entry.amount, entry.account.currency)
        return Found(
            kind="booking_orphaned",
            object_id=entry.transfer.reference,
            ours=f"{entry.transfer.kind.replace('_', ' ')}, {ours}",
            theirs=NOT_THERE,
            about=tuple(filter(None, [named_by(entry.transfer.reference)[1]])),
            made_at=entry.transfer.created_at,
            apart=-ours,
        )

    def matched_since(self, scope: Scope) -> set[str]:
        open_ones = Difference.objects.lasting().filter(
            provider=scope.run.provider, kind="booking_orphaned"
        )
        names = list(open_ones.values_list("object_id", flat=True))
        matched = Match.objects.filter(provider=scope.run.provider, reference__in=names)
        return set(matched.values_list("reference", flat=True))


def unmatched(scope: Scope) -> QuerySet[Entry]:
    match = Match.objects.filter(
        provider=scope.run.provider, reference=OuterRef("transfer__reference")
    )
    entries = Entry.objects.filter(~Exists(match), account__name=clearing(scope.run.provider))
    if scope.customer:
        theirs = of_customer(Payment.objects.all(), scope).values_list("pk", flat=True)
        names = [bookings.paid_reference(pk) for pk in theirs]
        entries = entries.filter(transfer__reference__in=names)
    if scope.since is not None:
        entries = entries.filter(transfer__created_at__gte=scope.since)
    return entries


def moved(scope: Scope, reference: str) -> Movement | None:
    """The line of the provider's books that a transfer tells of. Raises NotFound."""
    kind, name = named_by(reference)
    if not kind or not name:
        raise NotFound()
    if kind == "fee":
        return scope.ask(scope.client.read_movement, name)
    return scope.ask(scope.client.movement_of, kind, name)


def named_by(reference: str) -> tuple[str, str]:
    """What kind of movement a transfer tells of, and the provider's id of what it is about."""
    kind, _, rest = reference.partition(":")
    if kind == "payment":
        payment = payment_of(rest)
        return kind, payment.provider_id if payment else ""
    if kind == "payout":
        key, _, ending = rest.partition(":")
        payout = payout_of(key)
        name = payout.transfer_id if payout else ""
        return "transfer" if ending == "paid" else "transfer_back", name
    name, _, ending = rest.partition(":")[2].partition(":")
    if kind == "fee":
        return kind, name
    endings = {each: found for found, each in NAMED_BY_SOURCE.items()}
    return endings.get((kind, f":{ending}" if ending else ""), ""), name


def payment_of(key: str) -> Payment | None:
    return Payment.objects.filter(pk=key).first() if is_key(key) else None


def payout_of(key: str) -> Payout | None:
    return Payout.objects.filter(pk=key).first() if is_key(key) else None


def is_key(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class Balances(Comparer):
    """What the provider holds for us, against what our books say. What one side has heard of and
    the other not yet is taken into account; what is a difference by itself explains a part."""

    name = "balances"
    kinds = ("balance",)
    for_people = kinds

    def look(self, scope: Scope, after: str) -> Look:
        if scope.customer:
            return Look()
        theirs = scope.ask(scope.client.balance)
        ours = Counter(bookkeeping.held_by(scope.run.provider))
        ours.update(self.not_heard_yet(scope))
        ours.subtract(self.not_there_yet(scope))
        currencies = theirs.keys() | ours.keys()
        return Look(
            found=[
                self.found(scope, Money(ours[each], each), Money(theirs.get(each, 0), each))
                for each in sorted(currencies)
                if ours[each] != theirs.get(each, 0)
            ],
            looked_at=set(currencies),
        )

    def not_heard_yet(self, scope: Scope) -> Counter[str]:
        """Of what has just moved there: what our books do not have, and no difference tells of."""
        told = reported(scope, (*Movements.kinds, *Payments.kinds))
        missing: Counter[str] = Counter()
        for page in recent(scope):
            books = Books(scope.run.provider, page)
            # What has come there since the bookings were looked at is not waited for any more.
            books.note_matches()
            for each in page:
                if told.isdisjoint({each.movement_id, each.payment_id}):
                    missing[each.money.currency] += books.left_out(each).amount
        return missing

    def not_there_yet(self, scope: Scope) -> Counter[str]:
        """Of what was just booked here: what has no line in their books."""
        told = reported(scope, Bookings.kinds)
        waiting: Counter[str] = Counter()
        young = unmatched(scope).filter(transfer__created_at__gte=timezone.now() - LAG)
        for entry in young.select_related("transfer", "account"):
            if entry.transfer.reference not in told:
                waiting[entry.account.currency] -= entry.amount
        return waiting

    def found(self, scope: Scope, ours: Money, theirs: Money) -> Found:
        others = Difference.objects.lasting().filter(
            provider=scope.run.provider, currency=ours.currency
        )
        others = others.exclude(kind="balance").exclude(apart=None)
        amounts = list(others.values_list("apart", flat=True))
        apart = theirs - ours
        rest = apart - Money(sum(filter(None, amounts)), ours.currency)
        words = f"{len(amounts)} other differences are {apart - rest} of it"
        return Found(
            kind="balance",
            object_id=ours.currency,
            ours=str(ours),
            theirs=str(theirs),
            apart=apart,
            cause=Cause.UNKNOWN if rest.amount else Cause.OTHERS,
            evidence=f"{words}, and nothing tells of {rest}." if rest.amount else f"{words}.",
        )


def recent(scope: Scope) -> Iterator[list[Movement]]:
    since, after = timezone.now() - LAG, ""
    while True:
        page = scope.ask(scope.client.list_movements, since, after, "")
        yield page.items
        if not page.after:
            return
        after = page.after


def reported(scope: Scope, kinds: Any) -> set[str]:
    rows = Difference.objects.lasting().filter(provider=scope.run.provider, kind__in=kinds)
    return set(rows.values_list("object_id", flat=True))
