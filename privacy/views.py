from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import FormView, TemplateView

from config.kit.errors import AppError
from privacy import holds, leaving
from privacy.api import as_file
from privacy.export import export
from privacy.models import Erasure
from sessions_live.accounts import LONGEST_PASSWORD
from sessions_live.caller import caller
from sessions_live.views import refused


class LeavingForm(forms.Form):
    password = forms.CharField(
        label="Your password",
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    sure = forms.BooleanField(label="Yes, erase my account. I know that this cannot be undone.")


class PrivacyPage(LoginRequiredMixin, FormView[LeavingForm]):
    template_name = "privacy/privacy.html"
    form_class = LeavingForm

    def form_valid(self, form: LeavingForm) -> Any:
        try:
            erasure = leaving.leave(
                caller(self.request), form.cleaned_data["password"], meta=self.request.META
            )
        except AppError as refusal:
            form.add_error(refusal.attr, refusal.detail)
            return refused(self.form_invalid(form), refusal)
        logout(self.request)
        return redirect("erasure", erasure.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        held_for = holds.holds_of(caller(self.request))
        return super().get_context_data(held_for=held_for, **kwargs)


@login_required
@never_cache
@require_safe
def download(request: HttpRequest) -> HttpResponseBase:
    return as_file(export(caller(request)))


class ErasurePage(TemplateView):
    """The receipt. Who knows its number may read it: it names nobody."""

    template_name = "privacy/erasure.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            erasure=get_object_or_404(Erasure, pk=self.kwargs["pk"]), **kwargs
        )
