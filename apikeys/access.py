"""Keys go with access: the first payment makes one, and none works without a plan in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from apikeys import notices
from apikeys.models import APIKey
from apikeys.scopes import USUAL
from billing.models import Entitlement, Order, Payment, Plan
from config.kit.errors import AppError
from sessions_live.models import User


class PaymentRequired(AppError):
    code = "payment_required"
    status = 403
    detail = "API keys come with a plan; pay for one first."


def has_access(user: User) -> bool:
    return Entitlement.objects.in_force(timezone.now()).filter(user=user).exists()


def has_paid(user: User) -> bool:
    """Ever, for anything; a trial counts, as it gives access like a payment does."""
    return (
        Entitlement.objects.filter(user=user).exists()
        or Payment.objects.paid().filter(user=user).exists()
    )


def refuse_without_access(user: User) -> None:
    """Raises PaymentRequired."""
    if not has_access(user):
        raise PaymentRequired()


@contextmanager
def holding_keys_of(user: User) -> Iterator[None]:
    """One at a time per person, in a transaction: no key is made while access is being lost."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        yield


def give_keys(user: User, order: Order | None, plan: Plan) -> None:
    """On access: the first key, only ever one per person, or those that were suspended, back.

    Safe to repeat; must run inside a transaction.
    """
    with holding_keys_of(user):
        if APIKey.objects.filter(user=user, from_payment=True).exists():
            _follow_access(user)
        else:
            _make_first_key(user, order, plan)


def follow_access(user: User) -> None:
    """Safe to repeat, in any order; must run inside a transaction."""
    with holding_keys_of(user):
        _follow_access(user)


def _make_first_key(user: User, order: Order | None, plan: Plan) -> None:
    key = APIKey.objects.create(
        user=user,
        from_payment=True,
        name="Auto-generated from payment",
        status=APIKey.Status.UNREVEALED,
        scopes=list(USUAL),
    )
    if order is not None:
        Order.objects.filter(pk=order.pk).update(api_key_id=key.pk)
    notices.key_ready(key, plan)


def _follow_access(user: User) -> None:
    keys, status = APIKey.objects.filter(user=user), APIKey.Status
    if has_access(user):
        keys.filter(status=status.SUSPENDED).update(status=status.ACTIVE)
    else:
        keys.filter(status=status.ACTIVE).update(status=status.SUSPENDED)
