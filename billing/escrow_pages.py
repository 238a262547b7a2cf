"""Pages on which one person pays another in escrow, and both follow what becomes of the money.
Cards are typed on the provider's page, so none ever touches ours."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import escrow_news, escrow_payments, escrow_start
from billing.escrow_wording import fee_in_words, fee_so_far, standing, story_of
from billing.history_views import place_in, turned
from billing.models import Price
from billing.operations.keys import KeyReused
from billing.page_forms import MoneyForm
from billing.providers.amounts import CHARGEABLE
from billing.visits import is_part, next_look, to_sign_in, visitor
from billing.wallet.escrow import fee_of_part
from billing.wallet.escrow import find as find_escrow
from billing.wallet.models import Escrow
from config.kit.errors import AppError
from config.kit.keyset import List, turn
from config.kit.money import Money
from sessions_live.caller import caller
from sessions_live.models import User

PAGE = 20
SIDES = {"": "All", "paying": "You pay", "earning": "You are paid"}


class EscrowForm(MoneyForm):
    payee = forms.EmailField(
        label="Who is paid",
        max_length=254,
        help_text="The e-mail address of their account here.",
        widget=forms.EmailInput(attrs={"placeholder": "name@example.com", "autocomplete": "off"}),
    )
    description = forms.CharField(
        label="What for",
        max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "Three posts in December"}),
    )
    field_order = ("payee", "description", "amount", "currency")


class ReleaseForm(MoneyForm):
    """Twice: first it asks, then its answer, with the key of the question, does it."""


def currencies() -> list[str]:
    """Those of the catalogue first: what people here are used to."""
    ours = sorted(set(Price.objects.values_list("currency", flat=True)) & CHARGEABLE)
    return [*ours, *sorted(CHARGEABLE.difference(ours))]


# --- looking --------------------------------------------------------------------------------------
@never_cache
@require_safe
def escrows(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request)
    side = request.GET.get("side", "")
    side = side if side in SIDES else ""
    leaf = turn(of_side(user, side), place_in(request), size=PAGE)
    asked = {"side": side} if side else {}
    context = {
        "sides": [(words, urlencode({"side": key}), key == side) for key, words in SIDES.items()],
        "side": side,
        "escrows": [(agreed, standing(agreed, user)) for agreed in leaf.rows],
        "newer": turned(asked, leaf.newer),
        "older": turned(asked, leaf.older),
    }
    page = "billing/escrow/_list.html" if is_part(request) else "billing/escrow/list.html"
    return render(request, page, context)


def of_side(user: User, side: str) -> List:
    match side:
        case "paying":
            return escrow_payments.paid_by(user.pk)
        case "earning":
            return escrow_payments.paid_to(user.pk)
        case _:
            return escrow_payments.all_of(user.pk)


@never_cache
@require_safe
def escrow(request: HttpRequest, pk: str) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request)
    agreed = mine_or_404(user, pk)
    page = "billing/escrow/_escrow.html" if is_part(request) else "billing/escrow/escrow.html"
    return render(request, page, shown(request, agreed, user))


def shown(request: HttpRequest, agreed: Escrow, user: User) -> dict[str, Any]:
    pays = agreed.payer_id == user.pk
    may_release = pays and agreed.left.amount and not agreed.frozen_at
    looks = request.GET.get("looks", "")
    context: dict[str, Any] = {
        "agreed": agreed,
        "standing": standing(agreed, user),
        "pays": pays,
        "is_open": not (agreed.held_at or agreed.closed_at),
        "can_pay": pays and agreed.way == Escrow.Way.PAGE,
        "fee": fee_in_words(agreed.fee_bps),
        "fee_so_far": fee_so_far(agreed),
        "story": story_of(agreed, user),
        "release": release_form(agreed) if may_release else None,
        "just_paid": pays and looks and agreed.held_at and not agreed.released,
    }
    if context["is_open"] and looks.isdecimal() and len(looks) < 4:
        # Back from the provider's page, perhaps before its event; without a socket, too.
        context |= next_look(int(looks))
    return context


def mine_or_404(user: User, pk: str, *, to_pay: bool = False) -> Escrow:
    try:
        agreed = escrow_news.get_escrow(user, pk)
    except escrow_payments.EscrowNotFound as unknown:
        raise Http404 from unknown
    if to_pay and agreed.payer_id != user.pk:
        raise Http404
    return agreed


# --- paying ---------------------------------------------------------------------------------------
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    form = EscrowForm(
        currencies(), request.POST if request.method == "POST" else None, initial=again(request)
    )
    if form.is_bound and form.is_valid():
        try:
            agreed = agree(user, form)
        except KeyReused:
            messages.warning(request, "You have sent this form before; look at what came of it.")
            return redirect("escrows")
        except AppError as refusal:
            form.add_error(refusal.attr if refusal.attr in form.fields else None, refusal.detail)
        else:
            return to_payment(request, agreed)
    context = {"form": form, "fee": fee_in_words(settings.PLATFORM_FEE_BPS)}
    return render(request, "billing/escrow/new.html", context)


def agree(user: User, form: EscrowForm) -> Escrow:
    told = form.cleaned_data
    return escrow_start.agree(
        user,
        payee=told["payee"],
        money=told["money"],
        description=told["description"],
        way=Escrow.Way.PAGE,
        idempotency_key=form.idempotency_key,
    )


def again(request: HttpRequest) -> dict[str, Any]:
    """The terms of one that was given up."""
    pk = request.GET.get("again", "")
    before = find_escrow(pk) if pk else None
    if before is None or before.payer_id != caller(request).pk:
        return {}
    return {
        "payee": before.payee.email,
        "description": before.description,
        "amount": before.money.decimal,
        "currency": before.currency,
    }


@require_POST
@login_required
def pay(request: HttpRequest, pk: str) -> HttpResponse:
    """To the provider's page, for the first time or after a card was declined there."""
    return to_payment(request, mine_or_404(caller(request), pk, to_pay=True))


def to_payment(request: HttpRequest, agreed: Escrow) -> HttpResponse:
    here = reverse("escrow", args=[agreed.pk])
    url = request.build_absolute_uri(here)
    try:
        page = escrow_start.page_of(agreed, success_url=f"{url}?looks=0", cancel_url=url)
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect(here)
    return redirect(page)


@require_POST
@login_required
def cancel(request: HttpRequest, pk: str) -> HttpResponse:
    agreed = mine_or_404(caller(request), pk, to_pay=True)
    try:
        escrow_news.cancel(caller(request), agreed)
    except AppError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, "Canceled. Nobody was charged.")
    return redirect("escrow", agreed.pk)


# --- releasing ------------------------------------------------------------------------------------
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, pk: str) -> HttpResponse:
    """Says what will happen to which amount; only the button there does it."""
    user = caller(request)
    agreed = mine_or_404(user, pk, to_pay=True)
    form = release_form(agreed, request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        messages.error(request, "Please give an amount, such as 25 or 25.50.")
        return redirect("escrow", pk)
    part: Money = form.cleaned_data["money"]
    try:
        if request.method == "POST":
            escrow_payments.release(
                pk, by=user, amount=part.amount, idempotency_key=form.idempotency_key
            )
            messages.success(request, f"{part} released to {agreed.payee.email}.")
            return redirect("escrow", pk)
        fee = fee_of_part(agreed, part)
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect("escrow", pk)
    context = {"agreed": agreed, "form": form, "part": part, "fee": fee, "gets": part - fee}
    context["rest"] = agreed.left - part
    return render(request, "billing/escrow/release.html", context)


def release_form(agreed: Escrow, told: Any = None) -> ReleaseForm:
    initial = {"amount": agreed.left.decimal, "currency": agreed.currency}
    return ReleaseForm([agreed.currency], told, initial=initial)
