"""The pages where an item is bought. They use the provider's hosted page, so they need no script
of the provider's and no card ever touches ours."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.validators import DecimalValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from billing import purchase_news, purchases
from billing.models import Item, Purchase
from billing.outcomes import Outcome, gone, unreachable
from billing.providers.base import ProviderError
from billing.visits import ReturnVisit, is_part, to_sign_in, visitor
from config.kit.errors import AppError
from config.kit.money import decimals
from sessions_live.caller import caller

OWNED = 20


class ItemChoice(forms.Form):
    item_id = forms.SlugField(max_length=50)
    quantity = forms.IntegerField(
        min_value=1, max_value=purchases.MOST_AT_ONCE, required=False, initial=1
    )
    # As people write it: 5 or 5.00.
    amount = forms.DecimalField(min_value=0, max_digits=12, required=False)


def minor_units(written: Decimal, currency: str) -> int:
    """Exact; raises ValidationError for more digits than the currency has."""
    places = decimals(currency)
    DecimalValidator(max_digits=12, decimal_places=places)(written)
    return int(written.scaleb(places))


@never_cache
@require_safe
def items(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    owned = Purchase.objects.completed().filter(user=user) if user else Purchase.objects.none()
    context = {
        "items": Item.objects.filter(active=True).order_by("amount", "slug"),
        "owned": owned.select_related("item").order_by("-created_at", "-id")[:OWNED],
    }
    return render(request, "billing/items.html", context)


@require_POST
def buy(request: HttpRequest) -> HttpResponse:
    if visitor(request) is None:
        messages.info(request, "Sign in, or create an account, and choose the item again.")
        return redirect_to_login(reverse("items"))
    try:
        purchase = purchases.start_purchase(
            caller(request),
            wish_of(ItemChoice(request.POST)),
            way=Purchase.Way.PAGE,
            success_url=return_url(request),
            cancel_url=request.build_absolute_uri(reverse("items")),
        )
    except forms.ValidationError:
        messages.error(request, "Please choose a quantity and an amount that can be paid.")
        return redirect("items")
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect("items")
    return redirect(purchase.url)


def wish_of(choice: ItemChoice) -> purchases.Wish:
    """Raises ValidationError, UnknownItem."""
    if not choice.is_valid():
        raise forms.ValidationError("malformed")
    asked = choice.cleaned_data
    item, amount = purchases.get_item(asked["item_id"]), asked["amount"]
    return purchases.Wish(
        item,
        asked["quantity"] or 1,
        None if amount is None else minor_units(amount, item.currency),
    )


def return_url(request: HttpRequest) -> str:
    """The provider puts the session's id into the braces."""
    page = request.build_absolute_uri(reverse("items-return"))
    return f"{page}?session_id={{CHECKOUT_SESSION_ID}}"


@never_cache
@require_safe
def come_back(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request)
    visit = ReturnVisit(request.GET)
    session_id = visit.session_or_404()
    verified: purchase_news.Verified | None = None
    try:
        verified = purchase_news.verify_page(user, session_id)
        outcome = outcome_of(verified)
    except purchase_news.PurchaseNotFound as unknown:
        raise Http404 from unknown
    except ProviderError as error:
        outcome = unreachable() if error.retry else gone()
    context = {
        "outcome": outcome,
        "purchase": verified.purchase if verified else None,
        **visit.next_look(),
    }
    page = "billing/_item_outcome.html" if is_part(request) else "billing/item_return.html"
    return render(request, page, context)


def outcome_of(verified: purchase_news.Verified) -> Outcome:
    purchase = verified.purchase
    if purchase.status == Purchase.Status.COMPLETED:
        return Outcome("done", f"{purchase.words} is yours", f"{purchase.money} paid, once.")
    if purchase.status == Purchase.Status.CANCELED or verified.status == "expired":
        text = "The payment page was closed before it was paid. You have not been charged."
        return Outcome("failed", "Nothing was bought", text)
    if verified.status == "open":
        return Outcome("waiting", "Not paid yet", "The payment page is still open: go back to it.")
    text = "Some banks take a moment, some a few days. You can leave this page; we keep looking."
    return Outcome("waiting", "Your payment is being processed", text)
