from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing import paying, portal
from config.kit.errors import AppError
from sessions_live.caller import caller

SAID = {
    "paid": "Paid. Thank you: your plan goes on as before.",
    "processing": "Your bank is working on it. We tell you as soon as the money has arrived.",
    "action_needed": "Your bank wants you to confirm this payment.",
}


@login_required
@require_POST
def pay(request: HttpRequest) -> HttpResponse:
    """A second click waits for the first: both are the one open operation of the invoice."""
    try:
        paid = paying.pay(caller(request), key=None)
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect("home")
    if paid.status == "action_needed" and paid.url:
        return redirect(paid.url)
    messages.success(request, SAID[paid.status])
    return redirect("home")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def to_portal(request: HttpRequest) -> HttpResponse:
    """Mails lead here; only the button asks the provider for its page."""
    if request.method != "POST":
        return render(request, "billing/portal.html")
    back = request.build_absolute_uri(reverse("home"))
    try:
        return redirect(portal.open_portal(caller(request), return_url=back, key=None))
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect("home")
