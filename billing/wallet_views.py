"""A person's money on pages: what they have, what is on its way, and how to get at it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import escrow_payments, wording
from billing.escrow_wording import standing
from billing.history_views import place_in, turned
from billing.page_forms import MoneyForm
from billing.wallet import payout_accounts, payouts, reading
from billing.wallet.models import Escrow
from billing.wallet.payout_models import Payout
from billing.wallet.reading import Standing
from config.kit.errors import AppError
from config.kit.keyset import look, turn
from sessions_live.caller import caller
from sessions_live.models import User

SHOWN, FEW = 20, 5


@never_cache
@require_safe
@login_required
def wallet(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    standings = reading.standings(user.pk)
    moved = turn(reading.movements(user.pk), place_in(request, by_id=True), size=SHOWN)
    part = bool(request.htmx)  # type: ignore[attr-defined]
    context = {
        "standings": standings,
        "movements": moved.rows,
        "newer": turned({}, moved.newer),
        "older": turned({}, moved.older),
        "payouts": _shown_payouts(user.pk),
        "account": payout_accounts.account_of(user),
        "form": payout_form(standings),
        "escrows": _escrows(user),
    }
    return render(request, "billing/_wallet.html" if part else "billing/wallet.html", context)


def payout_form(standings: list[Standing]) -> MoneyForm:
    has = [each.available for each in standings if each.available.amount > 0]
    most = has[0] if has else None
    return MoneyForm(
        [money.currency for money in has],
        initial={"amount": most.decimal} if most else {},
        # What is typed is kept when the page renews itself, but not beyond another balance.
        auto_id=f"payout_of_{most.amount if most else 0}_%s",
    )


def _shown_payouts(user_id: int) -> list[tuple[Payout, bool]]:
    rows = Payout.objects.filter(user=user_id).order_by("-created_at", "-id")[:SHOWN]
    return [(payout, payouts.can_be_canceled(payout)) for payout in rows]


def _escrows(user: User) -> list[tuple[Escrow, wording.Standing]]:
    """Both sides' of it: what one pays and what one is to be paid."""
    newest = look(escrow_payments.all_of(user.pk), None, limit=FEW)
    return [(agreed, standing(agreed, user)) for agreed in newest.rows]


@require_POST
@login_required
def ask_payout(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    form = MoneyForm([each.currency for each in reading.standings(user.pk)], request.POST)
    if not form.is_valid():
        messages.error(request, "Please give an amount, such as 25 or 25.50, and its currency.")
        return redirect("wallet")
    try:
        payout = payouts.request_payout(
            user, form.cleaned_data["money"], idempotency_key=form.idempotency_key
        )
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


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def onboarding(request: HttpRequest) -> HttpResponse:
    """Says what is asked for; only its button leads on. The provider sends people back here when a
    link was too old, and that must not open anything either."""
    if request.method == "POST":
        return to_onboarding(request)
    account = payout_accounts.account_of(caller(request))
    return render(request, "billing/onboarding.html", {"account": account})


def to_onboarding(request: HttpRequest) -> HttpResponse:
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
