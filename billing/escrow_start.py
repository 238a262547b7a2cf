"""Asking somebody's bank for money that is to wait in escrow for somebody else: by an intent that
the payer's own client confirms, or on a hosted page."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from billing.customers import ensure_customer
from billing.operations import outgoing
from billing.operations.keys import made_once, of_key
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.amounts import refuse_unchargeable
from billing.providers.facts import EscrowOpened, EscrowPageOpened
from billing.providers.holding import EscrowPageRequest, EscrowRequest
from billing.wallet import escrow
from billing.wallet.models import Escrow
from config.kit import request_id
from config.kit.errors import AppError
from config.kit.money import Money
from sessions_live.models import User

OPENED = ["client_secret", "page_id", "page_url"]


class UnknownPayee(AppError):
    code = "unknown_payee"
    detail = "Nobody who can be paid has this e-mail address."


class PaysOneself(AppError):
    code = "pays_oneself"
    detail = "Escrow is for paying somebody else."


class NotToBePaid(AppError):
    code = "not_to_be_paid"
    status = 409
    detail = "There is nothing to be paid here any more."


def start_escrow(
    payer: User,
    *,
    payee: str,
    money: Money,
    description: str,
    provider: str = "stripe",
    idempotency_key: str | None = None,
) -> Escrow:
    """For the payer's client to confirm. The same key and wishes give the same escrow, also after a
    crash in between. Raises UnknownPayee, PaysOneself, NotChargeable, KeyReused, ProviderError."""
    agreed = agree(
        payer,
        payee=payee,
        money=money,
        description=description,
        way=Escrow.Way.INTENT,
        provider=provider,
        idempotency_key=idempotency_key,
    )
    if not agreed.client_secret:
        _open(agreed, "escrow.open", _wishes(agreed))
    return agreed


def agree(
    payer: User,
    *,
    payee: str,
    money: Money,
    description: str,
    way: str,
    provider: str = "stripe",
    idempotency_key: str | None = None,
) -> Escrow:
    """Nobody is asked for money yet. Raises UnknownPayee, PaysOneself, NotChargeable, KeyReused."""
    refuse_unchargeable(money)
    wishes = (payee.lower(), money, description, way, provider)
    fingerprint = hashlib.sha256(repr(wishes).encode()).hexdigest()
    return of_key(_agreed_by(payer), idempotency_key, fingerprint) or _agree(
        payer,
        find_payee(payer, payee),
        money,
        description=description,
        way=way,
        provider=provider,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
    )


def page_of(agreed: Escrow, *, success_url: str, cancel_url: str) -> str:
    """The hosted page that it is paid on, opened where it is not yet. Raises NotToBePaid,
    ProviderError."""
    if agreed.held_at or agreed.closed_at:
        raise NotToBePaid()
    if agreed.way != Escrow.Way.PAGE:
        raise NotToBePaid("This was begun in another program, and is paid there.")
    if not agreed.page_url:
        wishes = EscrowPageRequest(
            **asdict(_wishes(agreed)),
            name=agreed.description or "Payment",
            about=f"Held for {agreed.payee.email} until you release it",
            success_url=success_url,
            cancel_url=cancel_url,
        )
        _open(agreed, "escrow_page.open", wishes)
    return agreed.page_url


def find_payee(payer: User, email: str) -> User:
    """Raises UnknownPayee, PaysOneself."""
    found = User.objects.filter(email=email.lower(), is_active=True).first()
    if found is None:
        raise UnknownPayee(attr="payee")
    if found.pk == payer.pk:
        raise PaysOneself(attr="payee")
    return found


def _agreed_by(payer: User) -> QuerySet[Escrow]:
    return Escrow.objects.select_related("payer", "payee").filter(payer=payer)


def _agree(
    payer: User,
    payee: User,
    money: Money,
    *,
    idempotency_key: str | None,
    fingerprint: str,
    **terms: str,
) -> Escrow:
    """Committed before the provider hears of it, so that its webhook always finds it."""

    def make() -> Escrow:
        return Escrow.objects.create(
            payer=payer,
            payee=payee,
            amount=money.amount,
            currency=money.currency,
            fee_bps=settings.PLATFORM_FEE_BPS,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            request_id=request_id.current.get(),
            **terms,
        )

    return made_once(_agreed_by(payer), idempotency_key, fingerprint, make)


def _wishes(agreed: Escrow) -> EscrowRequest:
    return EscrowRequest(
        escrow_id=str(agreed.pk),
        customer_id=ensure_customer(agreed.payer, agreed.provider),
        amount=agreed.amount,
        currency=agreed.currency,
        description=agreed.description,
        request_id=agreed.request_id,
    )


def _open(agreed: Escrow, kind: str, wishes: EscrowRequest) -> None:
    """Asks the provider; asking twice is harmless."""
    with transaction.atomic():
        row = escrow.lock(agreed.pk)
        if row.client_secret or row.page_url:
            agreed.refresh_from_db(fields=OPENED)
            return
        opening = outgoing.request(
            kind=kind,
            provider=agreed.provider,
            subject=f"escrow:{agreed.pk}",
            wishes=asdict(wishes),
            user=agreed.payer,
        )
    outgoing.submit(opening)
    agreed.refresh_from_db(fields=OPENED)


@carries_out("escrow.open")
class OpenEscrow:
    def call(self, operation: Operation) -> Done:
        wishes, key = EscrowRequest(**operation.wishes), str(operation.pk)
        return self.done(get_provider(operation.provider).open_escrow(wishes, key=key))

    def look_up(self, operation: Operation) -> Done | None:
        wishes, key = EscrowRequest(**operation.wishes), str(operation.pk)
        found = get_provider(operation.provider).find_escrow(wishes, key=key)
        return self.done(found) if found else None

    def done(self, opened: EscrowOpened) -> Done:
        return Done(opened.payment_id, facts=(opened,))


@carries_out("escrow_page.open")
class OpenEscrowPage:
    def call(self, operation: Operation) -> Done:
        wishes, key = EscrowPageRequest(**operation.wishes), str(operation.pk)
        return self.done(get_provider(operation.provider).open_escrow_page(wishes, key=key))

    def look_up(self, operation: Operation) -> Done | None:
        wishes, key = EscrowPageRequest(**operation.wishes), str(operation.pk)
        found = get_provider(operation.provider).find_escrow_page(wishes, key=key)
        return self.done(found) if found else None

    def done(self, opened: EscrowPageOpened) -> Done:
        return Done(opened.checkout_id, facts=(opened,))
