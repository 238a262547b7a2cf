from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.mails import preview
from billing.mails.models import Mail
from config.security import framing, strict_policy
from sessions_live.caller import caller

MOST_SHOWN = 50


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What we wrote to the person who looks; the newest is open."""
    return page(request, own_mails(request).first())


@never_cache
@login_required
@require_safe
def single(request: HttpRequest, pk: UUID) -> HttpResponse:
    return page(request, get_object_or_404(own_mails(request), pk=pk))


@login_required
@require_safe
def body(request: HttpRequest, pk: UUID) -> HttpResponse:
    return preview.body_of(get_object_or_404(own_mails(request), pk=pk))


def own_mails(request: HttpRequest) -> QuerySet[Mail]:
    return Mail.objects.filter(user=caller(request)).order_by("-pk")


def page(request: HttpRequest, shown: Mail | None) -> HttpResponse:
    context = {
        "mails": own_mails(request)[:MOST_SHOWN],
        "shown": shown,
        "frame": preview.frame(reverse("mail-body", args=[shown.pk])) if shown else "",
    }
    response = render(request, "mails/overview.html", context)
    response["Content-Security-Policy"] = framing(strict_policy(()))
    return response
