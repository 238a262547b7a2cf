"""Payments that wait in escrow, from the provider's answer to the last of the money. The money
itself is moved in the wallet's room; here its moves become the payment's status, and news."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from billing import escrow_notices
from billing.models import Payment
from billing.providers.facts import EscrowOpened, EscrowPageOpened, PaymentFact
from billing.wallet import escrow
from billing.wallet.models import Escrow
from billing.webhooks.registry import NotOurs
from config.kit.errors import AppError
from config.kit.keyset import Several, Sought, own
from config.kit.one_by_one import one_by_one
from sessions_live.models import User

RELEASE = "wallet.add_release"


class EscrowNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "You have no such escrow payment."


class PayerReleases(AppError):
    code = "payer_releases"
    status = 403
    detail = "Only who paid, or our staff, can release this."


# --- what the provider tells ----------------------------------------------------------------------
def opened(fact: EscrowOpened) -> None:
    """Safe to repeat; must run inside a transaction, with the customer's events held. Raises
    NotOurs."""
    agreed = escrow.find(fact.escrow_id)
    if agreed is None:
        raise NotOurs(f"escrow {fact.escrow_id} is none of ours")
    Escrow.objects.filter(pk=agreed.pk).update(client_secret=fact.client_secret)
    # The webhook may have told already that it is paid.
    Payment.objects.get_or_create(
        pk=agreed.pk,
        defaults={
            "user": agreed.payer,
            "provider": fact.provider,
            "provider_id": fact.payment_id,
            "amount": fact.money.amount,
            "currency": fact.money.currency,
            "description": agreed.description,
            "created_at": fact.at,
            "state_at": fact.at,
        },
    )


def page_opened(fact: EscrowPageOpened) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    agreed = escrow.find(fact.escrow_id)
    if agreed is None:
        raise NotOurs(f"escrow {fact.escrow_id} is none of ours")
    Escrow.objects.filter(pk=agreed.pk).update(page_id=fact.checkout_id, page_url=fact.url)


def escrow_of(fact: PaymentFact, user: User) -> Escrow | None:
    """What a payment was made for, if it is to wait in escrow."""
    agreed = escrow.find(fact.escrow_id) if fact.escrow_id else None
    if agreed is None or agreed.payer_id != user.pk or agreed.money != fact.money:
        return None
    return agreed


def held(payment: Payment) -> None:
    """Safe to repeat; must run inside a transaction."""
    if escrow.hold(payment.pk):
        escrow_notices.secured(payment, escrow.get(payment.pk))


def closed(escrow_id: UUID) -> bool:
    """Nobody can pay it any more. Safe to repeat; False where it is paid, or was closed before."""
    unpaid = Escrow.objects.unpaid().filter(pk=escrow_id)
    return bool(unpaid.update(closed_at=timezone.now()))


# --- reading --------------------------------------------------------------------------------------
def with_payment(rows: QuerySet[Escrow]) -> QuerySet[Escrow]:
    """Each with its payment's status and what the bank said; None where nobody has tried to pay."""
    payment = Payment.objects.filter(pk=OuterRef("pk"))
    return rows.select_related("payer", "payee").annotate(
        payment_status=Subquery(payment.values("status")),
        refusal=Subquery(payment.values("failure_message")),
    )


def paid_by(user_id: int) -> Sought:
    return own(with_payment(Escrow.objects.all()), "payer_id", user_id)


def paid_to(user_id: int) -> Sought:
    return own(with_payment(Escrow.objects.all()), "payee_id", user_id)


def all_of(user_id: int) -> Several:
    return Several((paid_by(user_id), paid_to(user_id)))


def status_of(agreed: Escrow) -> str:
    """In the words of payments; of one that was read `with_payment`."""
    told: str = agreed.payment_status or Payment.Status.PENDING  # type: ignore[attr-defined]
    is_over = agreed.closed_at is not None and told in (
        Payment.Status.PENDING,
        Payment.Status.FAILED,
    )
    return Payment.Status.CANCELED if is_over else told


def find_for(user: User, escrow_id: str) -> Escrow:
    """As somebody who pays or is paid. Raises EscrowNotFound."""
    found = with_payment(Escrow.objects.of(user.pk)).filter(pk=escrow_id).first()
    if found is None:
        raise EscrowNotFound()
    return found


# --- the payer's word -----------------------------------------------------------------------------
def release(
    escrow_id: str, *, by: User, amount: int | None = None, idempotency_key: str | None = None
) -> Escrow:
    """Raises EscrowNotFound, PayerReleases, and what escrow.release raises."""
    found = escrow.find(escrow_id)
    may = by.is_staff and by.has_perm(RELEASE)
    if found is None or (not may and by.pk not in (found.payer_id, found.payee_id)):
        raise EscrowNotFound()
    if not may and by.pk != found.payer_id:
        raise PayerReleases()
    return hand_over(found, by=by, amount=amount, idempotency_key=idempotency_key)


@transaction.atomic
def hand_over(
    agreed: Escrow,
    *,
    by: User | None,
    amount: int | None = None,
    idempotency_key: str | None = None,
) -> Escrow:
    before = agreed.released
    after = escrow.release(agreed.pk, by=by, amount=amount, idempotency_key=idempotency_key)
    if after.released == before:
        return after
    payment = Payment.objects.get(pk=agreed.pk)
    if after.left.amount == 0 and payment.can_move_to(Payment.Status.RELEASED):
        payment.move_to(Payment.Status.RELEASED)
    escrow_notices.released(payment, after, since=before)
    return after


def release_due() -> int:
    """What has waited as long as the platform lets it; how many that were."""
    now = timezone.now()
    due = Escrow.objects.holding().filter(release_at__lte=now, frozen_at=None)
    count = 0
    with one_by_one() as apart:
        for agreed in due.order_by("release_at")[:100]:
            with apart(f"escrow {agreed.pk}"):
                try:
                    hand_over(agreed, by=None)
                except escrow.NotHeld:
                    continue
                count += 1
    return count


def remind_due() -> int:
    """Tells payers, once, what still waits for their word; how many that were."""
    now = timezone.now()
    due = Escrow.objects.holding().filter(remind_at__lte=now, frozen_at=None)
    count = 0
    with one_by_one() as apart:
        for agreed in due.select_related("payer", "payee").order_by("remind_at")[:100]:
            with apart(f"escrow {agreed.pk}"), transaction.atomic():
                if Escrow.objects.filter(pk=agreed.pk, remind_at__lte=now).update(remind_at=None):
                    escrow_notices.waits(agreed)
                    count += 1
    return count
