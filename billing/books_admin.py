"""The books in the console: every account down to its entries, whether all of it is right, and what
waits in escrow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing import books_overview, escrow_payments
from billing.models import Payment
from billing.wallet import ledger
from billing.wallet.accounts import receivable, wallet
from billing.wallet.models import Account, Entry, Escrow, Release, Transfer
from config.kit.console import ReadOnlyAdmin, ReadOnlyInline
from config.kit.errors import AppError
from config.kit.money import Money
from sessions_live.caller import caller
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
    readonly_fields = ("balance_now", "entries")
    fieldsets = ((None, {"fields": ("name", "currency", "balance_now", "entries")}),)

    def exact(self, term: str) -> Q:
        return accounts_of(term)

    @display(description="balance")
    def balance_now(self, account: Account) -> str:
        if account.is_shared:
            return str(ledger.balance(account.name, account.currency))
        return str(account.money)

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
    list_display = ("id", "transfer", "account", money, had, "at")
    list_select_related = ("transfer", "account")
    search_help_text = "A whole account name, a person's e-mail address, or a transfer's reference"

    def exact(self, term: str) -> Q:
        transfers = list(Transfer.objects.filter(reference=term).values_list("pk", flat=True))
        accounts = list(Account.objects.filter(accounts_of(term)).values_list("pk", flat=True))
        return Q(transfer__in=transfers) | Q(account__in=accounts)

    @display(description="at")
    def at(self, entry: Entry) -> Any:
        return entry.transfer.created_at


class ReleaseForm(forms.Form):
    amount = forms.IntegerField(
        min_value=1, required=False, help_text="In the smallest unit; empty for all that is left."
    )
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")


class ReleaseInline(ReadOnlyInline):
    model = Release
    fields = ("at", "amount", "fee", "by")
    verbose_name_plural = "Released"


class EscrowAdmin(ReadOnlyAdmin):
    ordering = ("-created_at", "-id")
    list_display = ("id", "payer", "payee", "paid", "left_now", "created_at", "held_at")
    list_select_related = ("payer", "payee")
    search_help_text = "A whole id, or the e-mail address of who pays or is paid"
    readonly_fields = ("paid", "left_now", "payment")
    inlines = (ReleaseInline,)
    fieldsets = (
        ("Escrow", {"fields": ("paid", "left_now", "description", "fee_bps")}),
        ("Between", {"fields": ("payer", "payee", "payment")}),
        ("Gone", {"fields": ("released", "returned", "returning")}),
        ("When", {"fields": ("created_at", "held_at", "frozen_at", "remind_at", "release_at")}),
    )

    def exact(self, term: str) -> Q:
        if "@" not in term:
            return self.exact_uuid(term)
        people = list(User.objects.filter(email=normal_email(term)).values_list("pk", flat=True))
        return Q(payer__in=people) | Q(payee__in=people)

    @display(description="amount")
    def paid(self, escrow: Escrow) -> str:
        return str(escrow.money)

    @display(description="held")
    def left_now(self, escrow: Escrow) -> str:
        return str(escrow.left)

    @display(description="payment")
    def payment(self, escrow: Escrow) -> str:
        found = Payment.objects.filter(pk=escrow.pk).first()
        if found is None:
            return "None yet"
        url = reverse("admin:billing_payment_change", args=[found.pk])
        return format_html('<a href="{}">{}</a>', url, found.get_status_display())

    def get_urls(self) -> list[URLPattern]:
        release = self.admin_site.admin_view(self.release_view)
        name = "wallet_escrow_release"
        return [path("<uuid:pk>/release/", release, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_release": request.user.has_perm(escrow_payments.RELEASE)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def release_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        if not request.user.has_perm(escrow_payments.RELEASE):
            raise PermissionDenied
        escrow = get_object_or_404(Escrow.objects.select_related("payer", "payee"), pk=pk)
        form = ReleaseForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            return self.release(request, escrow, form)
        context = {
            **self.admin_site.each_context(request),
            "title": "Release escrow",
            "opts": self.opts,
            "escrow": escrow,
            "form": form,
            "back": reverse("admin:wallet_escrow_change", args=[pk]),
        }
        return TemplateResponse(request, "admin/wallet/escrow/release.html", context)

    def release(self, request: HttpRequest, escrow: Escrow, form: ReleaseForm) -> HttpResponse:
        amount, reason = form.cleaned_data["amount"], form.cleaned_data["reason"]
        try:
            after = escrow_payments.hand_over(escrow, by=caller(request), amount=amount)
        except AppError as refusal:
            messages.warning(request, f"Nothing was done. {refusal.detail}")
        else:
            given = Money(after.released - escrow.released, escrow.currency)
            self.log_change(request, escrow, f"Released {given}: {reason}")
            messages.success(request, f"{given} was released; {after.left} is left.")
        return redirect("admin:wallet_escrow_change", escrow.pk)
