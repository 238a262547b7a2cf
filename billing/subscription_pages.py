from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing import (
    moves,
    owing,
    plan_changes,
    plans,
    storefront,
    subscription_life,
    subscriptions,
)
from billing.confirmations import awaited_by
from billing.models import Interval, Price, Subscription, SubscriptionEvent
from billing.moves import Move
from billing.page_forms import KeyedForm
from billing.subscription_life import FEEDBACK, Asking
from billing.subscription_wording import question
from billing.wording import day, rate, standing
from config.kit.errors import AppError
from sessions_live.caller import caller
from sessions_live.models import User

SHOWN_EVENTS = 50
PLAIN_MOVES: dict[str, tuple[Move, Callable[[User, Asking], Subscription]]] = {
    "reactivate": (Move.REACTIVATE, subscription_life.reactivate),
    "pause": (Move.PAUSE, subscription_life.pause),
    "resume": (Move.RESUME, subscription_life.resume),
    "keep": (Move.KEEP, subscription_life.keep_plan),
}


class MoveForm(KeyedForm):
    def asking(self, user: User, *, reason: str = "") -> Asking:
        return Asking(user, reason=reason, key=self.idempotency_key)


class CancelForm(MoveForm):
    when = forms.ChoiceField(
        label="When", choices=[("end", ""), ("now", "")], initial="end", widget=forms.RadioSelect
    )
    feedback = forms.ChoiceField(
        label="Why are you leaving?",
        choices=[("", "I would rather not say"), *FEEDBACK.items()],
        required=False,
    )
    words = forms.CharField(
        label="Anything that you would like to tell us", max_length=400, required=False
    )

    def __init__(self, subscription: Subscription, *args: Any, **options: Any) -> None:
        options.setdefault("initial", {"when": "end"})
        super().__init__(*args, **options)
        self.fields["when"].choices = choices_of_end(subscription)  # type: ignore[attr-defined]

    @property
    def reason(self) -> str:
        feedback, words = self.cleaned_data["feedback"], self.cleaned_data["words"]
        return ": ".join(filter(None, (feedback, words)))


class ChangeChoice(forms.Form):
    tier = forms.SlugField(max_length=50)
    interval = forms.ChoiceField(choices=Interval.choices, required=False)


def choices_of_end(subscription: Subscription) -> list[tuple[str, str]]:
    ends = day(subscription.current_period_end)
    at_end = ("end", f"On {ends}. You keep access until then, and are not charged again.")
    now = ("now", "At once. Access ends now, and what you have paid is not given back by itself.")
    allowed = moves.allowed(subscription)
    return [pair for pair, move in ((at_end, Move.CANCEL), (now, Move.END)) if move in allowed]


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    subscription = subscriptions.current(caller(request))
    context = {
        "subscription": subscription,
        "may": {str(move): True for move in moves.allowed(subscription)},
        "changes": possible_changes(subscription),
        "history": history_of(caller(request)),
        "awaited": awaited_by(subscription),
    }
    return render(request, "billing/subscription/overview.html", context)


def possible_changes(subscription: Subscription | None) -> list[tuple[Price, Move]]:
    """What may be changed to, with the way that it would go."""
    return [
        (price, plan_changes.move_to(subscription, price))
        for plan in plans.plans_for_sale()
        for price in storefront.offers_of(plan)
        if storefront.may_change(subscription, price)
    ]


def history_of(user: User) -> list[SubscriptionEvent]:
    rows = SubscriptionEvent.objects.filter(subscription__user=user)
    return list(rows.select_related("subscription__plan")[:SHOWN_EVENTS])


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    subscription = subscriptions.current(user)
    if subscription is None or not choices_of_end(subscription):
        return refused(request, moves.why_not(subscription, Move.CANCEL))
    form = CancelForm(subscription, request.POST if request.method == "POST" else None)
    if not (form.is_bound and form.is_valid()):
        context = {"subscription": subscription, "form": form}
        return render(request, "billing/subscription/cancel.html", context)
    at_end = form.cleaned_data["when"] == "end"
    asking = form.asking(user, reason=form.reason)
    return done_or_refused(
        request,
        lambda: subscription_life.cancel(user, asking, at_period_end=at_end),
        f"{subscription.plan.name} is canceled."
        + (" You keep access to the end of the period." if at_end else ""),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plain_move(request: HttpRequest, name: str) -> HttpResponse:
    """Asks first; only the button does it."""
    user = caller(request)
    subscription = subscriptions.current(user)
    move, make = PLAIN_MOVES[name]
    form = MoveForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and subscription is not None:
        done = question(move, subscription).done
        return done_or_refused(request, lambda: make(user, form.asking(user)), done)
    if subscription is None or (why := moves.why_not(subscription, move)):
        return refused(request, why if subscription else moves.NONE)
    context = {"question": question(move, subscription), "form": form}
    return render(request, "billing/subscription/ask.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Shows what it costs, asked of the provider; only the button does it."""
    user = caller(request)
    choice = ChangeChoice(request.GET)
    if not choice.is_valid():
        raise Http404
    tier, interval = choice.cleaned_data["tier"], choice.cleaned_data["interval"] or None
    form = MoveForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        asking = form.asking(user)
        return done_or_refused(
            request,
            lambda: plan_changes.change(user, asking, tier=tier, interval=interval),
            changed_words,
        )
    try:
        preview = plan_changes.preview(user, tier=tier, interval=interval)
    except AppError as refusal:
        return refused(request, refusal.detail)
    context = {"preview": preview, "subscription": subscriptions.current(user), "form": form}
    return render(request, "billing/subscription/change.html", context)


@never_cache
@login_required
@require_safe
def confirm(request: HttpRequest) -> HttpResponse:
    """Where mails and pages lead whose bank has a question: on to the page that asks it."""
    subscription = subscriptions.current(caller(request))
    if url := url_to_confirm(subscription):
        return redirect(url)
    messages.info(request, "Nothing waits to be confirmed.")
    return redirect("subscription")


def url_to_confirm(subscription: Subscription | None) -> str:
    if awaited := awaited_by(subscription):
        return awaited.url
    arrears = owing.arrears_of(subscription)
    return arrears.invoice.hosted_url if arrears else ""


def changed_words(changed: Subscription) -> str:
    if changed.planned_price is not None:
        return f"{standing(changed).next} Until then everything stays as it is."
    return f"You have {changed.plan.name} now, for {rate(changed)}."


def done_or_refused(
    request: HttpRequest,
    act: Callable[[], Subscription],
    words: str | Callable[[Subscription], str],
) -> HttpResponse:
    """Where it waits for the bank, straight on to the page that asks."""
    try:
        changed = act()
    except AppError as refusal:
        return refused(request, refusal.detail)
    if awaited_by(changed) is not None:
        return redirect("subscription-confirm")
    messages.success(request, words if isinstance(words, str) else words(changed))
    return redirect("subscription")


def refused(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect("subscription")
