"""A payment in escrow, as its two sides see it: its state, what is next, and its story."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from billing.escrow_payments import status_of
from billing.happenings import Happening
from billing.models import Payment
from billing.timeline import attempted
from billing.wallet import escrow
from billing.wallet.models import Entry, Escrow, Release
from billing.wording import Standing, day
from config.kit.money import Money
from sessions_live.models import User

Status = Payment.Status
MOVED_BACK = {
    "refund": "returned to the payer",
    "refund_undone": "came back, as it did not reach the payer",
    "dispute_lost": "given back by the payer's bank",
}


def standing(agreed: Escrow, viewer: User) -> Standing:
    pays = agreed.payer_id == viewer.pk
    if agreed.held_at is None:
        return unpaid(agreed, pays=pays)
    if agreed.frozen_at:
        text = "The payer's bank asks for the money back; nothing moves until that is decided."
        return Standing("Disputed", "danger", text)
    if agreed.left.amount:
        return Standing("Held in escrow", "info", waits(agreed, pays=pays))
    return over(agreed, pays=pays)


def unpaid(agreed: Escrow, *, pays: bool) -> Standing:
    match status_of(agreed), pays:
        case Status.CANCELED, _:
            return Standing("Not paid", "neutral", "This was given up, and nobody was charged.")
        case Status.PROCESSING, _:
            text = "Some banks take a moment, some a few days. This page tells when it has come."
            return Standing("Being processed", "info", text)
        case Status.FAILED, True:
            said: str = agreed.refusal or ""  # type: ignore[attr-defined]
            text = f"{said} You have not been charged; try again with this or another card."
            return Standing("Payment failed", "danger", text.strip())
        case _, True:
            return Standing("Not paid yet", "warning", "Nothing is charged before you pay.")
        case _:
            text = f"{agreed.payer.email} has not paid yet. Wait with your part until it is held."
            return Standing("Not paid yet", "warning", text)


def waits(agreed: Escrow, *, pays: bool) -> str:
    if pays:
        words = [f"Release it when you have got what it is for; then {agreed.payee.email} has it."]
    else:
        words = [f"Payment secured: it is yours when {agreed.payer.email} releases it."]
    if agreed.release_at:
        words.append(f"It is released by itself on {day(agreed.release_at)}.")
    return " ".join(words)


def over(agreed: Escrow, *, pays: bool) -> Standing:
    if agreed.returning:
        text = f"{Money(agreed.returning, agreed.currency)} is on its way back to who paid."
        return Standing("Going back", "warning", text)
    if not agreed.released:
        return Standing("Returned", "neutral", "All of it went back to who paid.")
    got = f"{agreed.payee.email} has got it." if pays else "It is in your wallet."
    if agreed.returned:
        back = Money(agreed.returned, agreed.currency)
        return Standing("Released in part", "success", f"{got} {back} went back to who paid.")
    return Standing("Released", "success", got)


def fee_in_words(bps: int) -> str:
    """`10 %`; empty where there is none."""
    return f"{(Decimal(bps) / 100).normalize():f} %" if bps else ""


def fee_so_far(agreed: Escrow) -> Money:
    return escrow.fee_of(agreed, agreed.released)


# --- its story ------------------------------------------------------------------------------------
def story_of(agreed: Escrow, viewer: User) -> list[Happening]:
    """What a bank said to the payer is for the payer alone."""
    pays = agreed.payer_id == viewer.pk
    told = [
        Happening(at=agreed.created_at, kind="agreed", title=f"{agreed.money} agreed on"),
        *(refusals(agreed) if pays else ()),
        *money_moved(agreed, pays=pays),
    ]
    return sorted(told, key=lambda each: each.at)


def refusals(agreed: Escrow) -> Iterator[Happening]:
    payment = Payment.objects.filter(pk=agreed.pk).first()
    if payment is not None:
        for attempt in payment.attempts.filter(succeeded=False):
            yield attempted(payment, attempt)


def money_moved(agreed: Escrow, *, pays: bool) -> Iterator[Happening]:
    if agreed.held_at:
        title = "Payment held in escrow" if pays else "Payment secured"
        yield Happening(at=agreed.held_at, kind="held", title=title, tone="info")
    elif agreed.closed_at:
        yield Happening(at=agreed.closed_at, kind="closed", title="Given up, unpaid")
    for given in agreed.releases.select_related("by"):
        yield released(agreed, given)
    for entry in went_back(agreed):
        title = f"{Money(abs(entry.amount), agreed.currency)} {MOVED_BACK[entry.transfer.kind]}"
        yield Happening(at=entry.transfer.created_at, kind="returned", title=title)


def released(agreed: Escrow, given: Release) -> Happening:
    part, fee = Money(given.amount, agreed.currency), Money(given.fee, agreed.currency)
    got = f"{agreed.payee.email} got {part - fee}"
    return Happening(
        at=given.at,
        kind="released",
        title=f"{part} released {by_whom(agreed, given)}",
        detail=f"{got}; the platform kept {fee}." if fee.amount else f"{got}.",
        tone="success",
    )


def by_whom(agreed: Escrow, given: Release) -> str:
    """Nobody of our staff is named to people."""
    if given.by is None:
        return "by itself, as its time was up"
    return f"by {agreed.payer.email}" if given.by_id == agreed.payer_id else "by our staff"


def went_back(agreed: Escrow) -> Iterator[Entry]:
    account = f"escrow:{agreed.pk}"
    moved = Entry.objects.filter(account__name=account, transfer__kind__in=MOVED_BACK)
    yield from moved.select_related("transfer").order_by("pk")
