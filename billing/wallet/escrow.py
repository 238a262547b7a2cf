"""Money that was paid and is nobody's yet: held, released to the payee in whole or in parts, or
returned to the payer. Whoever moves any of it holds the escrow's row."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from billing.wallet import funds, ledger
from billing.wallet.accounts import DISPUTES, PLATFORM_FEES, clearing, escrow
from billing.wallet.models import Escrow, Release
from config.kit.errors import AppError
from config.kit.money import Money, split
from sessions_live.models import User

WHOLE_BPS = 10_000


class NotHeld(AppError):
    code = "not_held"
    status = 409
    detail = "Nothing is held here that could be released or returned."


class Frozen(AppError):
    code = "disputed"
    status = 409
    detail = "The payer's bank disputes this payment; it decides first."


class MoreThanLeft(AppError):
    code = "amount_too_large"
    status = 409

    def __init__(self, left: Money) -> None:
        super().__init__(f"{left} is left.", attr="amount")


class ReleaseKeyReused(AppError):
    code = "idempotency_key_reused"
    status = 422
    detail = "This Idempotency-Key was used with another body; use a new one."


def find(escrow_id: UUID | str) -> Escrow | None:
    try:
        key = escrow_id if isinstance(escrow_id, UUID) else UUID(escrow_id)
    except ValueError:
        return None
    return Escrow.objects.select_related("payer", "payee").filter(pk=key).first()


def get(escrow_id: UUID) -> Escrow:
    return Escrow.objects.select_related("payer", "payee").get(pk=escrow_id)


def lock(escrow_id: UUID) -> Escrow:
    """Must run inside a transaction."""
    rows = Escrow.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("payer", "payee").get(pk=escrow_id)


def hold(escrow_id: UUID) -> bool:
    """The payment came. Safe to repeat; must run inside a transaction."""
    agreed = lock(escrow_id)
    if agreed.held_at is not None:
        return False
    agreed.held_at = timezone.now()
    _count_days(agreed, agreed.held_at)
    agreed.save(update_fields=["held_at", "remind_at", "release_at"])
    return ledger.move(
        agreed.money,
        reference=f"payment:{agreed.pk}",
        source=clearing(agreed.provider),
        to=escrow(agreed.pk),
        kind="escrow",
        description=agreed.description,
    )


def _count_days(agreed: Escrow, since: datetime) -> None:
    agreed.remind_at = after(since, settings.ESCROW_REMIND_DAYS)
    agreed.release_at = after(since, settings.ESCROW_RELEASE_DAYS)


def after(moment: datetime, days: int) -> datetime | None:
    """0 days: never."""
    return moment + timedelta(days=days) if days else None


def release(
    escrow_id: UUID,
    *,
    by: User | None,
    amount: int | None = None,
    idempotency_key: str | None = None,
) -> Escrow:
    """All that is left, or a part of it. Must run inside a transaction. Raises NotHeld, Frozen,
    MoreThanLeft, ReleaseKeyReused."""
    held = lock(escrow_id)
    if idempotency_key and (done := _asked_before(held, by, idempotency_key)):
        if amount not in (None, done.amount):
            raise ReleaseKeyReused()
        return held
    part = _left(held) if amount is None else Money(amount, held.currency)
    fee = fee_of_part(held, part)
    given = Release.objects.create(
        escrow=held, amount=part.amount, fee=fee.amount, by=by, idempotency_key=idempotency_key
    )
    ledger.post(
        reference=f"release:{given.pk}",
        entries=[
            (escrow(held.pk), -part),
            (PLATFORM_FEES, fee),
            *funds.arriving(held.payee_id, part - fee),
        ],
        description=held.description,
    )
    held.released += part.amount
    _keep(held, "released")
    return held


def _keep(held: Escrow, *fields: str) -> None:
    if held.left.amount == 0 and not held.returning:
        held.remind_at = held.release_at = None
        fields = (*fields, "remind_at", "release_at")
    held.save(update_fields=fields)


def fee_of(held: Escrow, released: int) -> Money:
    """The platform's share of this much of it. The share of a part is what it adds to the share of
    all released before, so that the parts of any sequence cost what the whole does."""
    fee, _ = split(released, [held.fee_bps, WHOLE_BPS - held.fee_bps])
    return Money(fee, held.currency)


def fee_of_part(held: Escrow, part: Money) -> Money:
    """The platform's share where this is released next. Raises NotHeld, Frozen, MoreThanLeft."""
    left = _left(held)
    if not 0 < part.amount <= left.amount:
        raise MoreThanLeft(left)
    return fee_of(held, held.released + part.amount) - fee_of(held, held.released)


def _asked_before(held: Escrow, by: User | None, key: str) -> Release | None:
    return held.releases.filter(by=by, idempotency_key=key).first()


def _left(held: Escrow) -> Money:
    if held.left.amount <= 0:
        raise NotHeld()
    if held.frozen_at is not None:
        raise Frozen()
    return held.left


# --- back to the payer: promised, then gone when the provider has told ----------------------------
def reserve_return(escrow_id: UUID, money: Money) -> Escrow:
    """Keeps this much from being released while the provider sends it back. Must run inside a
    transaction. Raises NotHeld, Frozen, MoreThanLeft."""
    held = lock(escrow_id)
    left = _left(held)
    if not 0 < money.amount <= left.amount:
        raise MoreThanLeft(left)
    held.returning += money.amount
    held.save(update_fields=["returning"])
    return held


def keep_after_all(escrow_id: UUID, money: Money) -> Escrow:
    """What `reserve_return` promised is not sent back."""
    held = lock(escrow_id)
    held.returning -= money.amount
    held.save(update_fields=["returning"])
    return held


def returned(escrow_id: UUID, money: Money, *, reference: str, reserved: bool) -> bool:
    """Money went back to the payer, whoever sent it: out of what was reserved for it or is still
    held, and beyond that out of what the payee has, or owes from now on. Safe to repeat."""
    return _taken_back(
        escrow_id, money, reference=reference, reserved=reserved, kind="refund", to=None
    )


def came_back(escrow_id: UUID, money: Money, *, reference: str) -> bool:
    """What `returned` sent to the payer did not arrive: what was held is held again, and the rest
    is the payee's. Safe to repeat; must run inside a transaction. Raises NotBooked."""
    held, undone = lock(escrow_id), f"{reference}:undone"
    if ledger.is_booked(undone):
        return False
    taken = dict(ledger.entries_of(reference))
    if not taken:
        raise ledger.NotBooked(f"{reference} is not in the books.")
    again = -taken.get(escrow(held.pk), Money(0, held.currency))
    if held.left.amount == 0:
        _count_days(held, timezone.now())
    held.returned -= again.amount
    held.save(update_fields=["returned", "remind_at", "release_at"])
    return ledger.post(
        reference=undone,
        entries=[
            (clearing(held.provider), -money),
            (escrow(held.pk), again),
            *funds.arriving(held.payee_id, money - again),
        ],
        kind="refund_undone",
        description=held.description,
    )


def freeze(escrow_id: UUID) -> None:
    """A bank disputes the payment. Safe to repeat; must run inside a transaction."""
    Escrow.objects.filter(pk=escrow_id, frozen_at=None).update(frozen_at=timezone.now())


def thaw(escrow_id: UUID) -> None:
    Escrow.objects.filter(pk=escrow_id).update(frozen_at=None)


def lost_to_dispute(escrow_id: UUID, money: Money, *, reference: str) -> bool:
    """The bank has decided for the payer: the payee bears what `dispute_opened` took. Safe to
    repeat; must run inside a transaction."""
    thaw(escrow_id)
    return _taken_back(
        escrow_id, money, reference=reference, reserved=False, kind="dispute_lost", to=DISPUTES
    )


def _taken_back(
    escrow_id: UUID, money: Money, *, reference: str, reserved: bool, kind: str, to: str | None
) -> bool:
    held = lock(escrow_id)
    if ledger.is_booked(reference):
        return False
    if reserved:
        held.returning -= money.amount
    from_held = min(held.left.amount, money.amount)
    from_payee = Money(money.amount - from_held, held.currency)
    held.returned += from_held
    _keep(held, "returning", "returned")
    return ledger.post(
        reference=reference,
        entries=[
            (escrow(held.pk), Money(-from_held, held.currency)),
            *funds.leaving(held.payee_id, from_payee),
            (to or clearing(held.provider), money),
        ],
        kind=kind,
        description=held.description,
    )
