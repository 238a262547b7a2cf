from __future__ import annotations

from django.urls import URLPattern, re_path

from billing import (
    api,
    arrears_api,
    arrears_pages,
    conversations_api,
    escrow_api,
    escrow_pages,
    history_api,
    history_views,
    invoices_api,
    invoices_pages,
    items_pages,
    payout_api,
    purchases_api,
    staff_api,
    subscription_api,
    subscription_pages,
    views,
    wallet_views,
)

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def call(path: str, view: type, name: str) -> URLPattern:
    """A path of the API; one trailing slash is accepted."""
    return re_path(rf"^api/v1/{path}/?$", view.as_view(), name=name)  # type: ignore[attr-defined]


urlpatterns = [
    call("plans", api.PlansView, "api-plans"),
    call("items", api.ItemsView, "api-items"),
    call("checkout-sessions", api.CheckoutsView, "api-checkouts"),
    call(
        r"checkout-sessions/(?P<session_id>[A-Za-z0-9_]{1,255})", api.CheckoutView, "api-checkout"
    ),
    call("payment-intents", purchases_api.PaymentIntentsView, "api-payment-intents"),
    call(
        r"payment-intents/(?P<intent_id>[A-Za-z0-9_]{1,255})",
        purchases_api.PaymentIntentView,
        "api-payment-intent",
    ),
    call("purchases", purchases_api.PurchasesView, "api-purchases"),
    call("invoices", invoices_api.InvoicesView, "api-invoices"),
    call(rf"invoices/(?P<pk>{UUID})/pdf", invoices_api.InvoicePdfView, "api-invoice-pdf"),
    call("conversations", conversations_api.ConversationsView, "api-conversations"),
    call(
        r"conversations/(?P<pk>[0-9]{1,18})",
        conversations_api.ConversationView,
        "api-conversation",
    ),
    call("payment-links", conversations_api.PaymentLinksView, "api-payment-links"),
    call("orders", conversations_api.OrdersView, "api-orders"),
    call("subscription", api.SubscriptionView, "api-subscription"),
    *(
        call(f"subscription/{path}", view, f"api-subscription-{path}")
        for path, view in subscription_api.DOORS.items()
    ),
    call("subscription/pay", arrears_api.PayView, "api-subscription-pay"),
    call("billing-portal-sessions", arrears_api.PortalView, "api-billing-portal"),
    call("payments", history_api.PaymentsView, "api-payments"),
    call("payments/export", history_api.PaymentExportView, "api-payment-export"),
    call(r"payments/(?P<pk>[0-9a-fA-F-]{36})", history_api.PaymentView, "api-payment"),
    call("payouts", payout_api.PayoutsView, "api-payouts"),
    call(rf"payouts/(?P<pk>{UUID})/cancel", payout_api.PayoutCancelView, "api-payout-cancel"),
    call("payout-account", payout_api.PayoutAccountView, "api-payout-account"),
    call("escrow-payments", escrow_api.EscrowPaymentsView, "api-escrow-payments"),
    call(rf"escrow-payments/(?P<pk>{UUID})", escrow_api.EscrowPaymentView, "api-escrow-payment"),
    call(rf"escrow-payments/(?P<pk>{UUID})/release", escrow_api.ReleaseView, "api-escrow-release"),
    call("entitlements", api.EntitlementsView, "api-entitlements"),
    call("admin/payments", history_api.StaffPaymentsView, "api-staff-payments"),
    call("admin/webhook-events", staff_api.WebhookEventsView, "api-webhook-events"),
    call(r"admin/webhook-events/(?P<pk>[0-9]{1,18})/replay", staff_api.ReplayView, "api-replay"),
    re_path(r"^$", views.home, name="home"),
    re_path(r"^payments$", history_views.payments, name="payments"),
    re_path(r"^payments/export$", history_views.export, name="payment-export"),
    re_path(r"^payments/(?P<pk>[0-9a-f-]{36})$", history_views.payment, name="payment"),
    re_path(r"^subscription/pay$", arrears_pages.pay, name="subscription-pay"),
    re_path(r"^billing-portal$", arrears_pages.to_portal, name="billing-portal"),
    re_path(r"^wallet$", wallet_views.wallet, name="wallet"),
    re_path(r"^wallet/payout$", wallet_views.ask_payout, name="wallet-payout"),
    re_path(
        rf"^wallet/payouts/(?P<pk>{UUID})/cancel$",
        wallet_views.cancel_payout,
        name="wallet-payout-cancel",
    ),
    re_path(r"^wallet/onboarding$", wallet_views.onboarding, name="wallet-onboarding"),
    re_path(r"^wallet/onboarded$", wallet_views.onboarded, name="wallet-onboarded"),
    re_path(r"^escrow$", escrow_pages.escrows, name="escrows"),
    re_path(r"^escrow/new$", escrow_pages.new, name="escrow-new"),
    re_path(rf"^escrow/(?P<pk>{UUID})$", escrow_pages.escrow, name="escrow"),
    re_path(rf"^escrow/(?P<pk>{UUID})/pay$", escrow_pages.pay, name="escrow-pay"),
    re_path(rf"^escrow/(?P<pk>{UUID})/cancel$", escrow_pages.cancel, name="escrow-cancel"),
    re_path(rf"^escrow/(?P<pk>{UUID})/release$", escrow_pages.release, name="escrow-release"),
    re_path(r"^pricing$", views.pricing, name="pricing"),
    re_path(r"^invoices$", invoices_pages.invoices, name="invoices"),
    re_path(rf"^invoices/(?P<pk>{UUID})/pdf$", invoices_pages.invoice_pdf, name="invoice-pdf"),
    re_path(r"^items$", items_pages.items, name="items"),
    re_path(r"^items/buy$", items_pages.buy, name="items-buy"),
    re_path(r"^items/return$", items_pages.come_back, name="items-return"),
    re_path(r"^subscription$", subscription_pages.overview, name="subscription"),
    re_path(r"^subscription/cancel$", subscription_pages.cancel, name="subscription-cancel"),
    re_path(r"^subscription/change$", subscription_pages.change, name="subscription-change"),
    re_path(r"^subscription/confirm$", subscription_pages.confirm, name="subscription-confirm"),
    re_path(
        r"^subscription/(?P<name>reactivate|pause|resume|keep)$",
        subscription_pages.plain_move,
        name="subscription-move",
    ),
    re_path(r"^checkout/start$", views.start_checkout, name="checkout-start"),
    re_path(r"^checkout/return$", views.checkout_return, name="checkout-return"),
]
