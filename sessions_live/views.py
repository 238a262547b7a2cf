from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.generic import FormView, TemplateView

from config.kit.client_address import client_address
from config.kit.errors import AppError
from sessions_live import accounts, sessions
from sessions_live.caller import calling_session
from sessions_live.cookies import ENDED, FAREWELLS
from sessions_live.forms import SignInForm, SignUpForm
from sessions_live.listing import describe_for, list_sessions


class SignInPage(LoginView):
    template_name = "sessions_live/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        return refused(super().form_invalid(form), form.refused)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ended = self.request.session.pop(ENDED, "")
        return super().get_context_data(farewell=FAREWELLS.get(ended, ""), **kwargs)


class SignUpPage(RedirectURLMixin, FormView):
    template_name = "sessions_live/sign_up.html"
    form_class = SignUpForm
    next_page = settings.LOGIN_REDIRECT_URL

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return HttpResponseRedirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        address = client_address(self.request.META)
        try:
            user = accounts.register(**form.cleaned_data, address=address)
        except AppError as refusal:
            form.add_error(refusal.attr, refusal.detail)
            return refused(self.form_invalid(form), refusal)
        login(self.request, user, backend="django.contrib.auth.backends.ModelBackend")
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)


def refused(page: HttpResponse, refusal: AppError | None) -> HttpResponse:
    """The form's page again; with its status, if the caller is to come back later."""
    if refusal is not None and refusal.wait:
        page.status_code = refusal.status
        page["Retry-After"] = str(refusal.wait)
    return page


class SessionsPage(LoginRequiredMixin, TemplateView):
    """Where one is signed in. Live where scripts run, and complete without them."""

    template_name = "sessions_live/sessions.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = calling_session(self.request)
        shown = describe_for(own.pk, list_sessions(own.user_id, own=own.pk))
        return super().get_context_data(sessions=shown, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        own, chosen = calling_session(request), request.POST.get("session", "")
        try:
            if chosen:
                sessions.revoke(own.user, chosen)
                messages.success(request, "That session is signed out.")
            else:
                count = sessions.revoke_others(own.user, but=own.pk)
                messages.success(request, f"Signed out everywhere else ({count}).")
        except sessions.SessionNotFound:
            messages.info(request, "That session was over already.")
        return redirect("sessions")
