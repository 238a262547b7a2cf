from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import invoicing, receipts
from billing.invoices_api import invoice_of, pdf_answer
from billing.visits import to_sign_in, visitor


@never_cache
@require_safe
def invoices(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return to_sign_in(request)
    receipts.write_missing_of(user)
    return render(request, "billing/invoices.html", {"invoices": invoicing.issued_to(user)})


@never_cache
@require_safe
def invoice_pdf(request: HttpRequest, pk: str) -> HttpResponse:
    user = visitor(request)
    if user is None:
        return redirect_to_login(request.get_full_path())
    return pdf_answer(invoice_of(user, pk))
