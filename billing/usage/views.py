from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.usage import reading
from sessions_live.caller import caller

DAYS = 31


@never_cache
@require_safe
@login_required
def usage(request: HttpRequest) -> HttpResponse:
    user_id = caller(request).pk
    context = {
        "usage": reading.report(user_id),
        "days": reading.history(user_id, days=DAYS),
        "how_many": DAYS,
    }
    return render(request, "billing/usage.html", context)
