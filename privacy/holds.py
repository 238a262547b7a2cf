"""What keeps a person's data for a while, or their account open, although they want to leave."""

from __future__ import annotations

from django.utils import timezone

from billing.models import Payment
from billing.wallet.accounts import receivable, wallet
from billing.wallet.models import Account, Escrow
from billing.wallet.payout_models import Payout
from config.kit.errors import AppError
from config.kit.money import Money
from sessions_live.models import User


class NotNow(AppError):
    code = "erasure_refused"
    status = 409


def refuse(user: User) -> None:
    """What only the person can settle, while they can still sign in. Raises NotNow."""
    if user.is_staff or user.is_superuser:
        raise NotNow("A staff account is closed by an administrator.")
    left = [str(money) for money in balances(wallet(user.pk)) if money.amount > 0]
    if left:
        raise NotNow(f"There is money in your wallet ({', '.join(left)}): pay it out first.")


def holds_of(user: User) -> list[str]:
    """What is waited for before anything is erased; empty where nothing stands in the way."""
    held = []
    if Payment.objects.filter(user=user, status=Payment.Status.DISPUTED).exists():
        held.append("A payment is disputed; the bank has to decide first.")
    if Escrow.objects.of(user.pk).holding().exists():
        held.append("A payment is held in escrow; it has to be released or returned first.")
    if Payout.objects.under_way().filter(user=user).exists():
        held.append("A payout is on its way; it has to arrive or come back first.")
    if Payout.objects.may_come_back(timezone.now()).filter(user=user).exists():
        held.append("A payout was paid in the last days; the bank may still send it back.")
    if any(money.amount for money in balances(wallet(user.pk))):
        held.append("There is money in the wallet, or a payout has come back.")
    if any(money.amount for money in balances(receivable(user.pk))):
        held.append("The wallet is in debt.")
    return held


def balances(account: str) -> list[Money]:
    rows = Account.objects.filter(name=account).values_list("balance", "currency")
    return [Money(balance, currency) for balance, currency in rows]
