from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from apikeys import keys, leaks
from apikeys.access import PaymentRequired, has_access
from apikeys.models import APIKey
from apikeys.scopes import SCOPES, USUAL
from config.kit.errors import AppError, error_body
from sessions_live.caller import caller

LIFETIMES = {"": "Never", "30": "30 days", "90": "90 days", "365": "A year"}
GRACES = {"0": "At once", "3600": "In an hour", "86400": "In a day", "604800": "In a week"}


class NewKeyForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="What uses it, such as “Nightly import”.")
    scopes = forms.MultipleChoiceField(
        choices=SCOPES, initial=USUAL, widget=forms.CheckboxSelectMultiple, label="It may"
    )
    days = forms.ChoiceField(choices=LIFETIMES, required=False, label="Runs out after")


class RotationForm(forms.Form):
    grace = forms.ChoiceField(
        choices=GRACES, initial="86400", widget=forms.RadioSelect, label="The old key ends"
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables()
def overview(request: HttpRequest) -> HttpResponse:
    """The keys, and the form for a new one."""
    if request.method != "POST":
        return page(request)
    form = NewKeyForm(request.POST)
    if not form.is_valid():
        return page(request, form=form)
    wanted = form.cleaned_data
    ends = timezone.now() + timedelta(days=int(wanted["days"])) if wanted["days"] else None
    return shown_or_refused(
        request,
        lambda: keys.create_key(
            caller(request), name=wanted["name"], scopes=wanted["scopes"], expires_at=ends
        ),
    )


@never_cache
@login_required
@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    return shown_or_refused(request, lambda: keys.reveal(caller(request), pk))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    form = RotationForm(request.POST or None)
    if not form.is_valid():
        context = {"key": own_key(request, pk), "form": form}
        return render(request, "apikeys/rotate.html", context)
    grace = timedelta(seconds=int(form.cleaned_data["grace"]))
    return shown_or_refused(request, lambda: keys.rotate(caller(request), pk, grace=grace))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first; only the button does it."""
    key = own_key(request, pk)
    if request.method != "POST":
        return render(request, "apikeys/revoke.html", {"key": key})
    keys.end_key(caller(request), pk)
    messages.success(request, f"“{key.name}” is revoked. Nothing gets in with it any more.")
    return redirect("keys")


def own_key(request: HttpRequest, pk: int) -> APIKey:
    try:
        return keys.find_key(caller(request), pk)
    except keys.KeyNotFound as unknown:
        raise Http404 from unknown


@sensitive_variables()
def shown_or_refused(request: HttpRequest, ask: Callable[[], keys.Shown]) -> HttpResponse:
    """The secret is in this answer alone: a redirect would have to keep it somewhere."""
    try:
        return page(request, shown=ask())
    except keys.KeyNotFound as unknown:
        raise Http404 from unknown
    except AppError as refusal:
        messages.error(request, refusal.detail)
        return redirect("keys")


@sensitive_variables()
def page(
    request: HttpRequest, *, shown: keys.Shown | None = None, form: NewKeyForm | None = None
) -> HttpResponse:
    user, now = caller(request), timezone.now()
    try:
        found = keys.keys_of(user)
    except PaymentRequired:
        return render(request, "apikeys/none.html")
    context = {
        "keys": [key for key in found if key.is_there(now)],
        "ended": [key for key in found if not key.is_there(now)],
        "shown": shown,
        "form": form or NewKeyForm(),
        "may_create": has_access(user),
    }
    return render(request, "apikeys/keys.html", context)


@csrf_exempt
@require_POST
@sensitive_variables()
def leaked_keys(request: HttpRequest) -> HttpResponse:
    """GitHub's secret scanning, or anyone who signs as it does."""
    headers = request.headers
    try:
        leaks.refuse_forged(
            request.body,
            identifier=headers.get("Github-Public-Key-Identifier", ""),
            signature=headers.get("Github-Public-Key-Signature", ""),
        )
        return JsonResponse(leaks.follow_report(request.body), safe=False)
    except AppError as refusal:
        body = error_body(code=refusal.code, detail=refusal.detail, status=refusal.status)
        return JsonResponse(body, status=refusal.status)
