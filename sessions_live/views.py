from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.generic import FormView

from config.kit.client_address import client_address
from config.kit.errors import AppError
from sessions_live import accounts
from sessions_live.forms import SignInForm, SignUpForm


class SignInPage(LoginView):
    template_name = "sessions_live/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        return refused(super().form_invalid(form), form.refused)


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
