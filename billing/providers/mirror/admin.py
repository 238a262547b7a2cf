"""dj-stripe's tables to look at. Its own admins edit, delete, call Stripe, and crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from djstripe.models.base import StripeModel

from billing.providers.mirror.references import Kind, relations
from config.kit.console import ReadOnlyAdmin
from config.kit.money import Money

# Read from `stripe_data`, as all of dj-stripe's own columns are that are worth showing.
COLUMNS: dict[str, tuple[str, ...]] = {
    "Account": ("country", "default_currency", "email"),
    "ApplicationFee": ("amount",),
    "BalanceTransaction": ("type", "amount", "fee", "net", "status"),
    "BankAccount": ("bank_name", "last4", "status"),
    "Card": ("brand", "last4", "exp_year"),
    "Charge": ("amount", "amount_refunded", "status", "disputed"),
    "Coupon": ("name", "percent_off", "amount_off", "duration", "times_redeemed"),
    "Customer": ("email", "name", "currency", "delinquent"),
    "Dispute": ("amount", "reason", "status"),
    "Feature": ("name", "lookup_key"),
    "File": ("purpose", "filename"),
    "Invoice": ("number", "total", "amount_paid", "status", "billing_reason"),
    "LineItem": ("amount", "description"),
    "PaymentIntent": ("amount", "status"),
    "PaymentMethod": ("type",),
    "Payout": ("amount", "status", "method"),
    "Price": ("unit_amount", "lookup_key", "active"),
    "Product": ("name", "active"),
    "PromotionCode": ("code", "times_redeemed", "max_redemptions", "active"),
    "Refund": ("amount", "reason", "status", "failure_reason"),
    "Session": ("mode", "amount_total", "status", "payment_status"),
    "SetupIntent": ("status",),
    "ShippingRate": ("display_name", "active"),
    "Subscription": ("status", "cancel_at_period_end"),
    "SubscriptionSchedule": ("status",),
    "TaxRate": ("display_name", "percentage"),
    "Transfer": ("amount", "description"),
}
AMOUNTS = {"amount", "amount_off", "amount_paid", "amount_refunded", "amount_total"} | {
    "fee",
    "net",
    "total",
    "unit_amount",
}


class MirrorAdmin(ReadOnlyAdmin):
    references: ClassVar[tuple[str, ...]] = ()
    search_fields = ("id",)
    search_help_text = "The whole id, of the object itself or of one that it refers to."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Whole ids only: each is an index look-up, whatever the size of the table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(id=term)
        for attname in self.references:
            wanted |= Q(**{attname: term})
        if "@" in term and self.model.__name__ == "Customer":
            wanted |= Q(email=term)
        return queryset.filter(wanted), False


def from_stripe(name: str) -> Callable[[Any], Any]:
    @admin.display(description=name.replace("_", " "))
    def column(row: Any) -> Any:
        value, currency = row.stripe_data.get(name), row.stripe_data.get("currency")
        if name in AMOUNTS and isinstance(value, int) and currency:
            return str(Money(value, currency))
        return value

    return column


def link_to(field: models.ForeignKey[Any, Any]) -> Callable[[Any], Any]:
    """To a search for the id, so that a page of a list needs no join."""
    target = f"admin:djstripe_{field.related_model._meta.model_name}_changelist"

    @admin.display(description=field.name.replace("_", " "))
    def column(row: Any) -> Any:
        id = getattr(row, field.attname)
        return id and format_html('<a href="{}?q={}">{}</a>', reverse(target), id, id)

    return column


def admin_for(kind: Kind) -> type[ReadOnlyAdmin]:
    if not issubclass(kind, StripeModel):
        return type(f"{kind.__name__}Admin", (ReadOnlyAdmin,), {"search_fields": ()})
    fields = [
        field
        for field in relations(kind).values()
        if field.target_field.name == "id" and field.related_model in admin.site._registry
    ]
    links = [link_to(field) for field in fields]
    columns = [from_stripe(name) for name in COLUMNS.get(kind.__name__, ())]
    # Never `secret`, which two of the models have.
    page = ["id", "livemode", "created", "djstripe_updated", *columns, *links, "stripe_data"]
    return type(
        f"{kind.__name__}Admin",
        (MirrorAdmin,),
        {
            "list_display": ["id", *columns, *links, "created"],
            "references": tuple(field.attname for field in fields),
            "fields": page,
            "readonly_fields": page,
        },
    )


def named_by_id(row: Any) -> str:
    return str(row.id)


def replace_admins() -> None:
    registered = [
        kind
        for kind in apps.get_app_config("djstripe").get_models()
        if admin.site.is_registered(kind)
    ]
    replacements = {kind: admin_for(kind) for kind in registered}
    for kind, replacement in replacements.items():
        if issubclass(kind, StripeModel):
            # dj-stripe's names fail where only the id is known, and take ¥500 for ¥5.00.
            kind.__str__ = named_by_id  # type: ignore[method-assign]
        admin.site.unregister(kind)
        admin.site.register(kind, replacement)


replace_admins()
