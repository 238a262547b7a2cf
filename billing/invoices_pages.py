from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import invoicing, receipts
from billing.history_views import place_in, turned
from billing.invoices_api import invoice_of, pdf_answer
from billing.visits import to_sign_in, visitor
from config.kit.keyset import turn

PAGE = 25


@never_cache
@require_safe
def invoices(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request)
    receipts.write_missing_of(user)
    leaf = turn(invoicing.issued_to(user), place_in(request), size=PAGE)
    context = {
        "invoices": leaf.rows,
        "newer": turned({}, leaf.newer),
        "older": turned({}, leaf.older),
    }
    return render(request, "billing/invoices.html", context)


@never_cache
@require_safe
def invoice_pdf(request: HttpRequest, pk: str) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return redirect_to_login(request.get_full_path())
    return pdf_answer(invoice_of(user, pk))
