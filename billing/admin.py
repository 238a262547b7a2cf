from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing import owing
from billing.access_admin import EntitlementAdmin, EntitlementOverrideAdmin
from billing.arrears_wording import sentences
from billing.books_admin import AccountAdmin, EntryAdmin, TransferAdmin
from billing.escrow_admin import EscrowAdmin
from billing.invoices_admin import InvoiceAdmin
from billing.models import (
    Customer,
    Entitlement,
    EntitlementOverride,
    Invoice,
    Item,
    Order,
    Payment,
    PaymentAttempt,
    Plan,
    Price,
    ProviderPrice,
    Purchase,
    Subscription,
)
from billing.payouts_admin import PayoutAccountAdmin, PayoutAdmin
from billing.providers.listing import ProviderFilter, at_a_provider
from billing.purchases_admin import PurchaseAdmin
from billing.subscription_admin import SubscriptionDecisions
from billing.timeline import timeline_of
from billing.wallet.models import Account, Entry, Escrow, Transfer
from billing.wallet.payout_models import Payout, PayoutAccount
from billing.wording import PAYMENT_TONES, SUBSCRIPTION_TONES, rate
from config.kit.console import ReadOnlyAdmin, ReadOnlyInline
from config.kit.console_filters import LeadingChoices
from config.kit.money import Money

ORDER_TONES = {
    Order.Status.PENDING: "warning",
    Order.Status.COMPLETED: "success",
    Order.Status.FAILED: "danger",
}


@display(description="amount")
def money(row: Payment | Order | Price | Item) -> str:
    return str(Money(row.amount, row.currency))


def payments_link(term: object, words: str) -> str:
    url = reverse("admin:billing_payment_changelist")
    return format_html('<a href="{}?q={}">{}</a>', url, term, words)


class PriceInline(ReadOnlyInline):
    model = Price
    fields = ("interval", money, "lookup_key", "active", "created_at")


class ProviderPriceInline(ReadOnlyInline):
    model = ProviderPrice
    fields = ("provider", "provider_id", "product_id", "in_step")
    verbose_name_plural = "At the providers"


class AttemptInline(ReadOnlyInline):
    model = PaymentAttempt
    fields = (
        "created_at",
        "succeeded",
        "method",
        "decline_code",
        "code",
        "message",
        "provider_id",
        "error",
    )
    verbose_name_plural = "Attempts to charge"


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    ordering = ("rank",)
    search_fields = ()
    list_display = ("name", "tier", "trial_days", "grace_days", "active")
    inlines = (PriceInline,)


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    list_display = ("plan", "interval", money, "lookup_key", "active", "created_at")
    list_select_related = ("plan",)
    list_filter = ("active", "interval")
    search_help_text = "A provider's whole price id"
    readonly_fields = (money,)
    inlines = (ProviderPriceInline,)

    def exact(self, term: str) -> Q:
        listed = ProviderPrice.objects.filter(at_a_provider(term)).values("price")
        return Q(pk__in=listed)


@admin.register(Item)
class ItemAdmin(ReadOnlyAdmin):
    ordering = ("slug",)
    search_fields = ()
    list_display = ("name", "slug", money, "active")


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("user", "provider", "provider_id", "created_at")
    list_select_related = ("user",)
    list_filter = (ProviderFilter,)
    search_help_text = "A person's e-mail address, or a provider's whole customer id"

    def exact(self, term: str) -> Q:
        return at_a_provider(term) | self.exact_uuid(term)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("id", "user", "plan", money, "state", "created_at")
    list_select_related = ("user", "price__plan")
    list_filter = (("status", LeadingChoices), ProviderFilter)
    search_help_text = "A person's e-mail address, or the whole id of an order or checkout session"
    readonly_fields = (money, "payments")
    fieldsets = (
        (
            "Order",
            {
                "fields": (
                    "status",
                    "payment_status",
                    money,
                    "trial_days",
                    "created_at",
                    "completed_at",
                )
            },
        ),
        ("Where it belongs", {"fields": ("user", "price", "payments")}),
        ("At the provider", {"fields": ("provider", "provider_id", "id", "request_id")}),
    )

    def exact(self, term: str) -> Q:
        return at_a_provider(term) | self.exact_uuid(term)

    @display(description="plan")
    def plan(self, order: Order) -> str:
        return order.price.plan.name

    @display(description="status", label=ORDER_TONES)
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description="payments")
    def payments(self, order: Order) -> str:
        return payments_link(order.pk, "Payments of this order")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    owner = "user"
    ordering = ("-created_at", "-id")
    sortable_by = ("created_at",)
    list_display = ("provider_id", "user", money, "state", "method", "created_at")
    list_select_related = ("user",)
    list_filter = (("status", LeadingChoices), ProviderFilter)
    search_help_text = "A person's e-mail address, or a whole id: payment, invoice, order"
    readonly_fields = (money, "whose", "story")
    inlines = (AttemptInline,)
    fieldsets = (
        (
            "Payment",
            {
                "fields": (
                    "status",
                    money,
                    "method",
                    "description",
                    "tier",
                    "failure_code",
                    "failure_message",
                    "created_at",
                    "paid_at",
                )
            },
        ),
        ("What happened", {"fields": ("story",)}),
        ("Where it belongs", {"fields": ("user", "whose", "order", "purchase", "subscription")}),
        ("At the provider", {"fields": ("provider", "provider_id", "invoice_id", "id")}),
    )

    def exact(self, term: str) -> Q:
        wanted = self.exact_uuid(
            term, "order_id", "purchase_id", "subscription_id"
        ) | at_a_provider(term)
        if term.startswith("in_"):
            wanted |= at_a_provider(term, "invoice_id")
        return wanted

    @display(description="status", label=PAYMENT_TONES)
    def state(self, payment: Payment) -> tuple[str, str]:
        return payment.status, payment.get_status_display()

    @display(description="in the order of time, UTC")
    def story(self, payment: Payment) -> str:
        context = {"timeline": timeline_of(payment)}
        return render_to_string("admin/billing/payment/story.html", context)

    @display(description="more")
    def whose(self, payment: Payment) -> str:
        return payments_link(payment.user.email, "All payments of this person")


@admin.register(Subscription)
class SubscriptionAdmin(SubscriptionDecisions):
    owner = "user"
    list_display = ("user", "plan", "price_in_words", "state", "current_period_end", "created_at")
    list_select_related = ("user", "plan")
    list_filter = ("status", "duplicate", "interval", ProviderFilter)
    search_help_text = "A person's e-mail address, or a whole subscription id"
    readonly_fields = ("price_in_words", "payments", "owed")
    fieldsets = (
        (
            "Subscription",
            {
                "fields": (
                    "status",
                    "owed",
                    "plan",
                    "price_in_words",
                    "current_period_start",
                    "current_period_end",
                    "trial_end",
                    "planned_price",
                    "planned_at",
                    "awaited_price",
                    "awaited_until",
                    "paid_until",
                    "cancel_at_period_end",
                    "canceled_at",
                    "ended_at",
                    "grace_until",
                    "duplicate",
                )
            },
        ),
        ("Where it belongs", {"fields": ("user", "order", "payments")}),
        ("At the provider", {"fields": ("provider", "provider_id", "id", "created_at", "fact_at")}),
    )

    def exact(self, term: str) -> Q:
        return at_a_provider(term) | self.exact_uuid(term)

    @display(description="owed")
    def owed(self, subscription: Subscription) -> str:
        arrears = owing.arrears_of(subscription)
        return " ".join(sentences(subscription, arrears)) if arrears else "Nothing"

    @display(description="price")
    def price_in_words(self, subscription: Subscription) -> str:
        return rate(subscription)

    @display(description="status", label=SUBSCRIPTION_TONES)
    def state(self, subscription: Subscription) -> tuple[str, str]:
        return subscription.status, subscription.get_status_display()

    @display(description="payments")
    def payments(self, subscription: Subscription) -> str:
        return payments_link(subscription.pk, "Payments of this subscription")


admin.site.register(Invoice, InvoiceAdmin)
admin.site.register(Purchase, PurchaseAdmin)
admin.site.register(Account, AccountAdmin)
admin.site.register(Transfer, TransferAdmin)
admin.site.register(Entry, EntryAdmin)
admin.site.register(Escrow, EscrowAdmin)
admin.site.register(Payout, PayoutAdmin)
admin.site.register(PayoutAccount, PayoutAccountAdmin)
admin.site.register(Entitlement, EntitlementAdmin)
admin.site.register(EntitlementOverride, EntitlementOverrideAdmin)
