from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from billing.branding import product_name
from billing.operations.models import Operation
from billing.reconciliation.models import Difference
from billing.webhooks.models import WebhookEvent

MOST_COUNTED_FAILURES = 99
SIDEBAR = (
    (
        "Money",
        (
            ("Payments", "payments", "billing.payment"),
            ("Subscriptions", "autorenew", "billing.subscription"),
            ("Invoices", "receipt_long", "billing.invoice"),
            ("Orders", "shopping_cart", "billing.order"),
            ("Payouts", "account_balance", "wallet.payout"),
            ("Payout accounts", "how_to_reg", "wallet.payoutaccount"),
            ("Items bought", "category", "billing.purchase"),
            ("Escrow", "lock", "wallet.escrow"),
        ),
    ),
    (
        "Books",
        (
            ("Accounts", "account_balance", "wallet.account"),
            ("Transfers", "swap_horiz", "wallet.transfer"),
            ("Entries", "list", "wallet.entry"),
        ),
    ),
    (
        "People",
        (
            ("Users", "group", "sessions_live.user"),
            ("Entitlements", "verified_user", "billing.entitlement"),
            ("Exceptions", "rule", "billing.entitlementoverride"),
            ("API keys", "key", "apikeys.apikey"),
            ("Customers at providers", "badge", "billing.customer"),
            ("Sign-ins", "devices", "sessions_live.livesession"),
            ("Erasures", "person_off", "privacy.erasure"),
        ),
    ),
    (
        "Usage",
        (
            ("Counters", "speed", "usage.counter"),
            ("Events", "list_alt", "usage.usageevent"),
            ("Corrections", "edit_note", "usage.correction"),
            ("Thresholds", "notifications", "usage.threshold"),
        ),
    ),
    (
        "Catalogue",
        (
            ("Plans", "sell", "billing.plan"),
            ("Prices", "price_change", "billing.price"),
            ("Items", "category", "billing.item"),
        ),
    ),
    (
        "Operations",
        (
            ("Webhook events", "inbox", "webhooks.webhookevent"),
            ("Provider calls", "outgoing_mail", "operations.operation"),
            ("Mails", "mail", "mails.mail"),
            ("Drift", "compare_arrows", "reconciliation.run"),
            ("Differences", "fact_check", "reconciliation.difference"),
            ("Access messages", "outbox", "provisioning.message"),
        ),
    ),
)

# Where a page of its own says more than the list of rows.
OVERVIEWS = {"reconciliation.run": "drift"}


def subheader(request: HttpRequest) -> str:
    return product_name()


def environment(request: HttpRequest) -> list[str] | None:
    return None if settings.STRIPE_LIVE_MODE else ["Test mode", "warning"]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may see, by subject."""
    groups = []
    for title, entries in SIDEBAR:
        items = [entry(*each) for each in entries if may_view(request, each[2])]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def entry(title: str, icon: str, label: str) -> dict[str, Any]:
    page = OVERVIEWS.get(label, "changelist")
    link = reverse(f"admin:{label.replace('.', '_')}_{page}")
    badge = BADGES[label]() if label in BADGES else 0
    return {"title": title, "icon": icon, "link": link, **({"badge": badge} if badge else {})}


def may_view(request: HttpRequest, label: str) -> bool:
    app, model = label.split(".")
    return request.user.has_perm(f"{app}.view_{model}")


def failures() -> int:
    failed = WebhookEvent.objects.filter(status=WebhookEvent.Status.FAILED)
    return failed.values("pk")[:MOST_COUNTED_FAILURES].count()


def for_a_human() -> int:
    waiting = Operation.objects.waiting_for_a_human()
    return waiting.values("pk")[:MOST_COUNTED_FAILURES].count()


def drifting() -> int:
    return Difference.objects.open().values("pk")[:MOST_COUNTED_FAILURES].count()


BADGES = {
    "webhooks.webhookevent": failures,
    "operations.operation": for_a_human,
    "reconciliation.difference": drifting,
}
