"""The books in the console: every account down to its entries, and whether all of it is right."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing import books_overview
from billing.wallet import ledger
from billing.wallet.accounts import receivable, wallet
from billing.wallet.models import Account, Entry, Transfer
from config.kit.console import ReadOnlyAdmin, ReadOnlyInline
from config.kit.money import Money
from sessions_live.models import User, normal_email

VIEW = "wallet.view_account"


@display(description="amount")
def money(entry: Entry) -> str:
    return str(Money(entry.amount, entry.account.currency))


@display(description="had then")
def had(entry: Entry) -> str:
    """Only accounts of somebody's keep it."""
    return "–" if entry.balance is None else str(Money(entry.balance, entry.account.currency))


def accounts_of(term: str) -> Q:
    """A whole name, or a person's accounts by their e-mail address."""
    person = User.objects.filter(email=normal_email(term)).first() if "@" in term else None
    names = [wallet(person.pk), receivable(person.pk)] if person else [term]
    return Q(name__in=names)


class AccountAdmin(ReadOnlyAdmin):
    ordering = ("name", "currency")
    list_display = ("name", "currency", "balance_now")
    list_filter = ("is_shared",)
    search_help_text = "A whole name such as revenue or wallet:42, or a person's e-mail address"
    readonly_fields = ("balance_now", "whose", "entries")
    fieldsets = ((None, {"fields": ("name", "whose", "currency", "balance_now", "entries")}),)

    def exact(self, term: str) -> Q:
        return accounts_of(term)

    @display(description="balance")
    def balance_now(self, account: Account) -> str:
        if account.is_shared:
            return str(ledger.balance(account.name, account.currency))
        return str(account.money)

    @display(description="whose")
    def whose(self, account: Account) -> str:
        kind, _, key = account.name.partition(":")
        if account.is_shared:
            return "The platform's"
        if kind == "escrow":
            url = reverse("admin:wallet_escrow_change", args=[key])
            return format_html('<a href="{}">A payment in escrow</a>', url)
        url = reverse("admin:sessions_live_user_change", args=[key])
        return format_html('<a href="{}">{}</a>', url, User.objects.get(pk=key))

    @display(description="what it is made of")
    def entries(self, account: Account) -> str:
        url = reverse("admin:wallet_entry_changelist")
        return format_html('<a href="{}?account={}">Its entries</a>', url, account.pk)

    def get_urls(self) -> list[URLPattern]:
        books = self.admin_site.admin_view(self.books_view)
        return [path("books/", books, name="wallet_account_books"), *super().get_urls()]

    def books_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Are the books right?",
            "opts": self.opts,
            "summary": books_overview.summary(),
            "proof": books_overview.proof(asked=request.method == "POST"),
            "providers": books_overview.compare_providers(),
        }
        return TemplateResponse(request, "admin/wallet/account/books.html", context)


class EntryInline(ReadOnlyInline):
    model = Entry
    fields = ("line", "account", money, had)
    verbose_name_plural = "Entries"


class TransferAdmin(ReadOnlyAdmin):
    list_display = ("reference", "kind", "description", "created_at")
    search_help_text = "A whole reference, or the id of a payment"
    inlines = (EntryInline,)

    def exact(self, term: str) -> Q:
        return Q(reference__in=[term, f"payment:{term}"])


class EntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "transfer_link", "account_link", money, had, "at")
    list_select_related = ("transfer", "account")
    search_help_text = "A whole account name, a person's e-mail address, or a transfer's reference"

    def exact(self, term: str) -> Q:
        transfers = list(Transfer.objects.filter(reference=term).values_list("pk", flat=True))
        accounts = list(Account.objects.filter(accounts_of(term)).values_list("pk", flat=True))
        return Q(transfer__in=transfers) | Q(account__in=accounts)

    @display(description="transfer")
    def transfer_link(self, entry: Entry) -> str:
        url = reverse("admin:wallet_transfer_change", args=[entry.transfer_id])
        return format_html('<a href="{}">{}</a>', url, entry.transfer.reference)

    @display(description="account")
    def account_link(self, entry: Entry) -> str:
        url = reverse("admin:wallet_account_change", args=[entry.account_id])
        return format_html('<a href="{}">{}</a>', url, entry.account)

    @display(description="at")
    def at(self, entry: Entry) -> Any:
        return entry.transfer.created_at
