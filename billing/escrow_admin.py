"""Escrow in the console: what waits for whom, its story, and releasing it in a payer's place."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing import escrow_payments
from billing.escrow_wording import fee_in_words, fee_so_far, standing, story_of
from billing.models import Payment
from billing.wallet.accounts import escrow as account_of
from billing.wallet.models import Account, Escrow, Release
from config.kit.console import ReadOnlyInline
from config.kit.decisions import DecidingAdmin, Decision, Done, ReasonForm
from config.kit.errors import AppError
from config.kit.money import Money
from sessions_live.caller import caller
from sessions_live.models import User, normal_email

TONES = {
    "Not paid yet": "warning",
    "Being processed": "info",
    "Payment failed": "danger",
    "Disputed": "danger",
    "Held in escrow": "info",
    "Going back": "warning",
    "Released": "success",
    "Released in part": "success",
}


class BadAmount(AppError):
    code = "amount_not_allowed"
    detail = "This currency has no smaller parts than that."


class ReleaseForm(ReasonForm):
    amount = forms.DecimalField(min_value=0, max_digits=15, decimal_places=3)
    seen = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("amount", "reason")


class ReleaseInline(ReadOnlyInline):
    model = Release
    fields = ("at", "whole", "kept", "by")
    verbose_name_plural = "Released"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return super().get_queryset(request).select_related("escrow", "by")

    @display(description="amount")
    def whole(self, given: Release) -> str:
        return str(Money(given.amount, given.escrow.currency))

    @display(description="the platform's fee")
    def kept(self, given: Release) -> str:
        return str(Money(given.fee, given.escrow.currency))


class EscrowAdmin(DecidingAdmin):
    decision = Decision(
        name="release",
        title="Release escrow",
        button="Release",
        icon="lock_open",
        permission=escrow_payments.RELEASE,
        form=ReleaseForm,
    )
    ordering = ("-created_at", "-id")
    list_display = ("payer", "payee", "paid", "state", "left_now", "created_at", "held_at")
    list_select_related = ("payer", "payee")
    search_help_text = "A whole id, or the e-mail address of who pays or is paid"
    inlines = (ReleaseInline,)
    fieldsets = (
        ("Escrow", {"fields": ("stands", "paid", "left_now", "description", "fee")}),
        ("Between", {"fields": ("payer", "payee", "payment", "entries")}),
        ("Gone", {"fields": ("released_money", "returned_money", "returning_money")}),
        ("What happened", {"fields": ("story",)}),
        (
            "When",
            {"fields": ("created_at", "held_at", "closed_at", "frozen_at", "remind_at")},
        ),
        ("At the provider", {"fields": ("provider", "way", "page_id", "id", "asked_at")}),
    )
    readonly_fields = (
        *("stands", "paid", "left_now", "fee", "payment", "entries", "story"),
        *("released_money", "returned_money", "returning_money"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Escrow]:
        return escrow_payments.with_payment(super().get_queryset(request))

    def exact(self, term: str) -> Q:
        if "@" not in term:
            return self.exact_uuid(term)
        people = list(User.objects.filter(email=normal_email(term)).values_list("pk", flat=True))
        return Q(payer__in=people) | Q(payee__in=people)

    # --- what is shown ----------------------------------------------------------------------------
    @display(description="state", label=TONES)
    def state(self, escrow: Escrow) -> tuple[str, str]:
        words = standing(escrow, escrow.payer)
        return words.label, words.label

    @display(description="state")
    def stands(self, escrow: Escrow) -> str:
        words = standing(escrow, escrow.payer)
        return f"{words.label}. {words.next}"

    @display(description="amount")
    def paid(self, escrow: Escrow) -> str:
        return str(escrow.money)

    @display(description="held now")
    def left_now(self, escrow: Escrow) -> str:
        return str(escrow.left)

    @display(description="the platform's fee")
    def fee(self, escrow: Escrow) -> str:
        share = fee_in_words(escrow.fee_bps) or "None"
        return f"{share}; {fee_so_far(escrow)} until now"

    @display(description="released")
    def released_money(self, escrow: Escrow) -> str:
        return str(escrow.released_money)

    @display(description="returned to the payer")
    def returned_money(self, escrow: Escrow) -> str:
        return str(escrow.returned_money)

    @display(description="promised to the payer")
    def returning_money(self, escrow: Escrow) -> str:
        return str(escrow.returning_money)

    @display(description="payment")
    def payment(self, escrow: Escrow) -> str:
        found = Payment.objects.filter(pk=escrow.pk).first()
        if found is None:
            return "None yet"
        url = reverse("admin:billing_payment_change", args=[found.pk])
        return format_html('<a href="{}">{}</a>', url, found.get_status_display())

    @display(description="in the books")
    def entries(self, escrow: Escrow) -> str:
        account = Account.objects.filter(name=account_of(escrow.pk)).first()
        if account is None:
            return "Nothing yet"
        url = reverse("admin:wallet_entry_changelist")
        return format_html('<a href="{}?account={}">{}</a>', url, account.pk, account.name)

    @display(description="in the order of time, UTC")
    def story(self, escrow: Escrow) -> str:
        context = {"timeline": story_of(escrow, escrow.payer)}
        return render_to_string("admin/billing/payment/story.html", context)

    # --- releasing --------------------------------------------------------------------------------
    def is_open(self, row: Any) -> bool:
        return row.left.amount > 0 and row.frozen_at is None

    def shown(self, row: Any) -> dict[str, Any]:
        return {"is_open": self.is_open(row), "fee": fee_in_words(row.fee_bps)}

    def seen(self, row: Any) -> int:
        """Whatever leaves it makes this more."""
        moved: int = row.released + row.returned + row.returning
        return moved

    def form_for(self, request: HttpRequest, row: Any) -> forms.Form:
        if request.method == "POST":
            return ReleaseForm(request.POST)
        form = ReleaseForm(initial={"seen": self.seen(row), "amount": row.left.decimal})
        form.fields["amount"].help_text = f"In {row.currency.upper()}; {row.left} is held."
        return form

    def what_became_of(self, row: Any) -> str:
        return f"Some of it has left meanwhile: {row.left} is held now."

    def decide(self, request: HttpRequest, row: Any, told: dict[str, Any]) -> Done:
        try:
            part = Money.written(told["amount"], row.currency)
        except ValueError as error:
            raise BadAmount() from error
        after = escrow_payments.hand_over(
            row, by=caller(request), amount=part.amount, idempotency_key=f"seen:{told['seen']}"
        )
        words = f"{part} was released; {after.left} is left."
        return Done(words, f"Released {part}: {told['reason']}")
