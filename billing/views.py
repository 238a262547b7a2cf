from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from billing import checkout, plans, redirects
from sessions_live.caller import caller


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "billing/home.html")


@require_GET
def pricing(request: HttpRequest) -> HttpResponse:
    return render(request, "billing/pricing.html", {"plans": plans.plans_for_sale()})


@require_POST
@login_required
def start_checkout(request: HttpRequest) -> HttpResponse:
    price = plans.get_price(
        tier=request.POST.get("tier", ""), interval=request.POST.get("interval")
    )
    order = checkout.start_checkout(
        caller(request),
        price,
        provider="stripe",
        success_url=redirects.default_success_url(request),
        cancel_url=redirects.default_cancel_url(request),
    )
    return redirect(order.url)


@require_GET
@login_required
def checkout_return(request: HttpRequest) -> HttpResponse:
    session_id = request.GET.get("session_id", "")
    verified = checkout.verify_checkout(caller(request), session_id)
    return render(request, "billing/checkout_return.html", {"verified": verified})
