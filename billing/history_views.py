from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import invoicing, payment_export, payment_search, returns
from billing.history_api import payment_of
from billing.models import Payment, Plan, Purchase
from billing.payment_search import Wishes
from billing.timeline import timeline_of
from billing.wording import payment_label
from config.kit.keyset import Place, Sought, turn
from sessions_live.models import User

PAGE = 25
STATUSES = [(status.value, payment_label(Payment(status=status))) for status in Payment.Status]


class HistoryFilters(forms.Form):
    """Words of people: whole days, both included."""

    q = forms.CharField(
        label="Search",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Description or id"}),
    )
    status = forms.ChoiceField(label="State", choices=[("", "Any"), *STATUSES], required=False)
    tier = forms.ChoiceField(label="Plan", required=False)
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        tier = self.fields["tier"]
        assert isinstance(tier, forms.ChoiceField)
        plans = Plan.objects.exclude(prices=None).values_list("tier", "name")
        tier.choices = [("", "Any"), *plans]

    def clean(self) -> dict[str, Any]:
        known = super().clean() or {}
        since, until = known.get("since"), known.get("until")
        if since and until and until < since:
            self.add_error("until", "Lies before the first day.")
        return known

    def wishes(self) -> Wishes:
        """Nothing but what is right: an error beside a field must not hide all payments."""
        self.is_valid()
        known = self.cleaned_data
        status, until = known.get("status"), known.get("until")
        return Wishes(
            q=known.get("q") or "",
            status=(status,) if status else (),
            tier=known.get("tier") or "",
            created_after=midnight(known.get("since")),
            created_before=midnight(until + timedelta(days=1)) if until else None,
        )


def midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


@never_cache
@require_safe
def payments(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    filters = HistoryFilters(request.GET)
    leaf = turn(sought_by(request.user, filters.wishes()), place_in(request), size=PAGE)
    asked = {name: request.GET[name] for name in filters.fields if request.GET.get(name)}
    context = {
        "filters": filters,
        "filtered": bool(asked),
        "payments": leaf.rows,
        "newer": turned(asked, leaf.newer),
        "older": turned(asked, leaf.older),
        "exports": [(kind, urlencode({**asked, "format": kind})) for kind in payment_export.KINDS],
    }
    return render(request, "billing/payments.html", context)


@never_cache
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    kind = "json" if request.GET.get("format") == "json" else "csv"
    return payment_export.download(
        sought_by(request.user, HistoryFilters(request.GET).wishes()), kind
    )


@never_cache
@require_safe
def payment(request: HttpRequest, pk: str) -> HttpResponse:
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    shown = payment_of(request.user.pk, pk)
    context = {
        "payment": shown,
        "timeline": timeline_of(shown),
        "invoice": invoicing.invoice_of(shown),
        "refunds": returns.teller().refunds_of(shown),
        "retry_url": retry_url(shown),
    }
    return render(request, "billing/payment.html", context)


def retry_url(payment: Payment) -> str:
    """Of an item that is still not bought: its open page, or else where it is sold."""
    purchase = payment.purchase
    if purchase is None or payment.status not in (Payment.Status.FAILED, Payment.Status.CANCELED):
        return ""
    if purchase.status == Purchase.Status.COMPLETED:
        return ""
    return purchase.open_page or f"{reverse('items')}#{purchase.item.slug}"


def sought_by(user: User, wishes: Wishes) -> Sought:
    return payment_search.search(Payment.objects.all(), wishes, of=user.pk)


def place_in(request: HttpRequest, *, by_id: bool = False) -> Place | None:
    """A cursor that is not one of ours shows the first page."""
    try:
        return Place.read(request.GET.get("cursor", ""), by_id=by_id)
    except ValueError:
        return None


def turned(asked: dict[str, str], place: Place | None) -> str:
    return urlencode({**asked, "cursor": str(place)}) if place else ""
