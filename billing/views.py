from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from billing import (
    checkout,
    confirmations,
    entitlements,
    outcomes,
    plans,
    redirects,
    storefront,
    subscriptions,
)
from billing.models import Interval, Payment, Plan
from billing.usage import reading
from billing.visits import ReturnVisit, is_part, to_sign_in, visitor
from config.kit.errors import AppError
from sessions_live.caller import caller

RECENT_PAYMENTS = 5


class PlanChoice(forms.Form):
    tier = forms.SlugField(max_length=50)
    interval = forms.ChoiceField(choices=Interval.choices, required=False)


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request) if is_part(request) else render(request, "billing/welcome.html")
    access = entitlements.access_of(user)
    subscription = subscriptions.current(user)
    context = {
        "access": access,
        "plan": Plan.objects.filter(tier=access.tier).first(),
        "subscription": subscription,
        "awaited": confirmations.awaited_by(subscription),
        "usage": reading.report(user.pk),
        "payments": Payment.objects.filter(user=user).order_by("-created_at", "-id")[
            :RECENT_PAYMENTS
        ],
    }
    page = "billing/_account.html" if is_part(request) else "billing/home.html"
    return render(request, page, context)


@never_cache
@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    yearly = request.GET.get("interval") == Interval.YEAR
    interval = Interval.YEAR if yearly else Interval.MONTH
    front = storefront.shelves(visitor(request), interval=interval)
    return render(request, "billing/pricing.html", {"front": front})


@require_POST
def start_checkout(request: HttpRequest) -> HttpResponse:
    choice = PlanChoice(request.POST)
    if not choice.is_valid():
        messages.error(request, "Please choose one of these plans.")
        return redirect("pricing")
    tier, interval = choice.cleaned_data["tier"], choice.cleaned_data["interval"] or None
    shelf = shelf_of(tier=tier, interval=interval)
    if visitor(request) is None:
        messages.info(request, "Sign in, or create an account, and choose the plan again.")
        return redirect_to_login(shelf)
    try:
        order = checkout.start_checkout(
            caller(request),
            plans.get_price(tier=tier, interval=interval),
            provider="stripe",
            success_url=redirects.default_success_url(request),
            cancel_url=redirects.default_cancel_url(request),
        )
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect(shelf)
    return redirect(order.url)


@never_cache
@require_safe
def checkout_return(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request)
    visit = ReturnVisit(request.GET)
    try:
        outcome = outcomes.outcome_for(user, visit.session_or_404())
    except checkout.OrderNotFound as unknown:
        raise Http404 from unknown
    context = {"outcome": outcome, **visit.next_look()}
    page = "billing/_outcome.html" if is_part(request) else "billing/checkout_return.html"
    return render(request, page, context)


def shelf_of(*, tier: str, interval: str | None) -> str:
    """The pricing page, at this plan."""
    query = f"?{urlencode({'interval': interval})}" if interval else ""
    return f"{reverse('pricing')}{query}#{tier}"
