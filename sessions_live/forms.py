from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from unfold.forms import AuthenticationForm as StaffAuthenticationForm

from config.kit.client_address import client_address
from config.kit.errors import AppError
from sessions_live import accounts


class CheckedCredentials(AuthenticationForm):
    """Signs in by the same rule as the API, limits included."""

    refused: AppError | None = None

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email is None or not password:
            return self.cleaned_data
        address = client_address(self.request.META) if self.request else None
        try:
            user = accounts.check_credentials(email=email, password=password, address=address)
        except AppError as refused:
            self.refused = refused
            raise forms.ValidationError(refused.detail, code=refused.code) from None
        self.confirm_login_allowed(user)
        self.user_cache = user
        return self.cleaned_data


class SignInForm(CheckedCredentials):
    username = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    password = forms.CharField(
        max_length=accounts.LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class StaffSignInForm(CheckedCredentials, StaffAuthenticationForm):
    """The console's own form, with its looks and its staff check."""


class SignUpForm(forms.Form):
    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    password = forms.CharField(
        max_length=accounts.LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if "email" in given and "password" in given:
            accounts.refuse_weak_password(**given)
        return given
