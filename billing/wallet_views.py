"""A person's money on pages: what they have, what is on its way, and how to get at it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from billing import escrow_payments
from billing.wallet import payout_accounts, payouts, reading
from billing.wallet.models import Escrow
from billing.wallet.payout_models import Payout
from config.kit.errors import AppError
from config.kit.money import Money, decimals
from sessions_live.caller import caller

SHOWN = 20


class PayoutForm(forms.Form):
    """An amount as people write it, in a currency that the wallet has."""

    currency = forms.ChoiceField()
    amount = forms.DecimalField(min_value=Decimal(0), max_digits=15, decimal_places=3)

    def __init__(self, currencies: list[str], *given: Any) -> None:
        super().__init__(*given)
        self.fields["currency"].choices = [  # type: ignore[attr-defined]
            (each, each.upper()) for each in currencies
        ]

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if "amount" in told and "currency" in told:
            units = told["amount"].scaleb(decimals(told["currency"]))
            if units != units.to_integral_value():
                self.add_error("amount", "This currency has no smaller parts than that.")
            else:
                told["money"] = Money(int(units), told["currency"])
        return told


@never_cache
@require_safe
@login_required
def wallet(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    standings = reading.standings(user.pk)
    part = bool(request.htmx)  # type: ignore[attr-defined]
    context = {
        "standings": standings,
        "movements": reading.movements(user.pk).select_related("transfer", "account")[:SHOWN],
        "payouts": _shown_payouts(user.pk),
        "account": payout_accounts.account_of(user),
        "form": PayoutForm([each.currency for each in standings if each.available.amount > 0]),
        "escrows": _escrows(user.pk),
    }
    return render(request, "billing/_wallet.html" if part else "billing/wallet.html", context)


def _shown_payouts(user_id: int) -> list[tuple[Payout, bool]]:
    rows = Payout.objects.filter(user=user_id).order_by("-created_at", "-id")[:SHOWN]
    return [(payout, payouts.can_be_canceled(payout)) for payout in rows]


def _escrows(user_id: int) -> list[Escrow]:
    """Both sides' of it: what one pays and what one is to be paid."""
    mine = Escrow.objects.filter(Q(payer=user_id) | Q(payee=user_id))
    return list(mine.select_related("payer", "payee").order_by("-created_at", "-id")[:SHOWN])


@require_POST
@login_required
def ask_payout(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    form = PayoutForm([each.currency for each in reading.standings(user.pk)], request.POST)
    if not form.is_valid():
        messages.error(request, "Please give an amount, such as 25 or 25.50, and its currency.")
        return redirect("wallet")
    try:
        payout = payouts.request_payout(user, form.cleaned_data["money"])
    except AppError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, f"{payout.money} is on its way out of your wallet.")
    return redirect("wallet")


@require_POST
@login_required
def cancel_payout(request: HttpRequest, pk: str) -> HttpResponse:
    try:
        payout = payouts.cancel_payout(caller(request), pk)
    except AppError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, f"The payout is canceled; {payout.money} is in your wallet.")
    return redirect("wallet")


@require_POST
@login_required
def release(request: HttpRequest, pk: str) -> HttpResponse:
    try:
        agreed = escrow_payments.release(pk, by=caller(request))
    except AppError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, f"Released to {agreed.payee.email}.")
    return redirect("wallet")


@never_cache
@login_required
def onboarding(request: HttpRequest) -> HttpResponse:
    """To the provider's page; it also comes back here when its link was too old. A GET changes
    nothing but that the provider knows of somebody who wants to be paid."""
    try:
        url = payout_accounts.onboarding_url(
            caller(request),
            return_url=request.build_absolute_uri(reverse("wallet-onboarded")),
            refresh_url=request.build_absolute_uri(reverse("wallet-onboarding")),
        )
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect("wallet")
    return redirect(url)


@never_cache
@require_safe
@login_required
def onboarded(request: HttpRequest) -> HttpResponse:
    """Back from the provider's page, perhaps before its event."""
    account = payout_accounts.account_of(caller(request))
    if account is not None:
        try:
            payout_accounts.look_again(account)
        except AppError as refusal:
            messages.warning(request, refusal.detail)
        account.refresh_from_db()
    if account is not None and account.is_ready:
        messages.success(request, "You can be paid: your payout account is ready.")
    else:
        messages.info(request, "The payment provider still needs something from you.")
    return redirect("wallet")
