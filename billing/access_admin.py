"""Rights in the console: what there is, why somebody has it, and exceptions from it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display

from billing import access_history, overrides
from billing.models import EntitlementOverride
from config.kit.console import ReadOnlyAdmin
from config.kit.errors import AppError
from sessions_live.caller import caller
from sessions_live.models import User, normal_email

WHY = "billing.view_entitlement"
ADD = "billing.add_entitlementoverride"
END = "billing.change_entitlementoverride"
Kind = EntitlementOverride.Kind


class Moment(forms.DateTimeField):
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class PersonField(forms.EmailField):
    """An e-mail address of somebody we know."""

    def clean(self, value: Any) -> Any:
        user = User.objects.filter(email=normal_email(super().clean(value))).first()
        if user is None:
            raise forms.ValidationError("Nobody has this e-mail address.")
        return user


class WhyForm(forms.Form):
    user = PersonField(label="E-mail address")
    at = Moment(required=False, label="At (UTC)", help_text="Empty for now.")


class OverrideForm(forms.Form):
    user = PersonField(label="E-mail address")
    about = forms.ChoiceField(label="Feature or quota")
    allowed = forms.BooleanField(
        required=False, initial=True, label="Of a feature: the person has it"
    )
    limit = forms.IntegerField(
        required=False, min_value=0, max_value=10**15, help_text="Of a quota; empty for no limit."
    )
    until = Moment(required=False, label="Until (UTC)", help_text="Ends then by itself.")
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        about = self.fields["about"]
        assert isinstance(about, forms.ChoiceField)
        about.choices = [
            (kind.label, [(f"{kind}:{name}", name) for name in overrides.names_of(kind)])
            for kind in Kind
        ]

    def terms(self) -> dict[str, Any]:
        told = self.cleaned_data
        kind, _, name = told["about"].partition(":")
        terms = {"kind": kind, "name": name, "until": told["until"], "reason": told["reason"]}
        own = ("limit",) if kind == Kind.QUOTA else ("allowed",)
        return terms | {each: told[each] for each in own}


class EndForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")


def page(
    site: admin.AdminSite, request: HttpRequest, template: str, **context: Any
) -> TemplateResponse:
    return TemplateResponse(request, template, {**site.each_context(request), **context})


class EntitlementAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("user", "plan", "source", "granted_at", "expires_at", "revoked_at")
    list_select_related = ("user", "plan")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "plan")
    search_help_text = "A person's e-mail address, or a whole source such as order:…"

    def exact(self, term: str) -> Q:
        return Q(source=term)

    def get_urls(self) -> list[URLPattern]:
        why = self.admin_site.admin_view(self.why_view)
        return [path("why/", why, name="billing_entitlement_why"), *super().get_urls()]

    def why_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(WHY):
            raise PermissionDenied
        form = WhyForm(request.GET or None)
        explanation = None
        if form.is_bound and form.is_valid():
            at = form.cleaned_data["at"] or timezone.now()
            explanation = access_history.explain(form.cleaned_data["user"], at)
        return page(
            self.admin_site,
            request,
            "admin/billing/entitlement/why.html",
            title="Why does this person have access?",
            opts=self.opts,
            form=form,
            why=explanation,
            person=form.cleaned_data.get("user") if form.is_bound else None,
        )


class EntitlementOverrideAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("user", "what", "until", "by", "created_at", "ended_at")
    list_select_related = ("user", "by")
    list_filter = ("kind", ("ended_at", admin.EmptyFieldListFilter))
    search_help_text = "A person's e-mail address"

    def exact(self, term: str) -> Q:
        return Q(pk__in=[])

    @display(description="exception")
    def what(self, override: EntitlementOverride) -> str:
        return override.words

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("new/", view(self.new_view), name="billing_entitlementoverride_new"),
            path("<int:pk>/end/", view(self.end_view), name="billing_entitlementoverride_end"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        may = {"may_make": request.user.has_perm(ADD)}
        return super().changelist_view(request, (extra_context or {}) | may)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_end": request.user.has_perm(END)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def new_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        posted = request.method == "POST"
        form = OverrideForm(request.POST if posted else None, initial=request.GET.dict())
        if posted and form.is_valid():
            try:
                made = overrides.add_override(
                    form.cleaned_data["user"], by=caller(request), **form.terms()
                )
            except AppError as refusal:
                form.add_error(None, refusal.detail)
            else:
                self.log_addition(request, made, made.words)
                messages.success(request, f"From now on: {made}.")
                return redirect("admin:billing_entitlementoverride_change", made.pk)
        return page(
            self.admin_site,
            request,
            "admin/billing/entitlementoverride/new.html",
            title="Make an exception",
            opts=self.opts,
            form=form,
            back=reverse("admin:billing_entitlementoverride_changelist"),
        )

    def end_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(END):
            raise PermissionDenied
        override = get_object_or_404(
            EntitlementOverride.objects.select_related("user", "by"), pk=pk
        )
        back = reverse("admin:billing_entitlementoverride_change", args=[pk])
        form = EndForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            return self.end(request, override, form.cleaned_data["reason"])
        return page(
            self.admin_site,
            request,
            "admin/billing/entitlementoverride/end.html",
            title="End an exception",
            opts=self.opts,
            override=override,
            is_held=override.holds(timezone.now()),
            form=form,
            back=back,
        )

    def end(self, request: HttpRequest, override: EntitlementOverride, reason: str) -> HttpResponse:
        try:
            overrides.end_override(override, reason=reason, by=caller(request))
        except AppError as refusal:
            override.refresh_from_db()
            who = f" by {override.ended_by}" if override.ended_by else ""
            messages.warning(request, f"Nothing was done. {refusal.detail[:-1]}{who}.")
        else:
            self.log_change(request, override, f"Ended: {reason}")
            messages.success(request, "It has ended.")
        return redirect("admin:billing_entitlementoverride_change", override.pk)
