"""Payments into escrow, at Stripe: a payment intent, or a checkout session around one."""

from __future__ import annotations

import stripe as stripe_package

from billing.providers.facts import EscrowOpened, EscrowPageOpened
from billing.providers.holding import EscrowPageRequest, EscrowRequest
from billing.providers.stripe import item_pages
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.making import of_operation
from billing.providers.stripe.translation import PROVIDER, instant
from config.kit.money import Money


class StripeEscrow:
    def open_escrow(self, request: EscrowRequest, *, key: str) -> EscrowOpened:
        with stripe_says() as stripe:
            intent = stripe.v1.payment_intents.create(
                {
                    "amount": request.amount,
                    "currency": request.currency,
                    "customer": request.customer_id,
                    "description": request.description,
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": _ours(request, key),
                },
                {"idempotency_key": key},
            )
        return _opened(intent, request)

    def find_escrow(self, request: EscrowRequest, *, key: str) -> EscrowOpened | None:
        with stripe_says() as stripe:
            listed = stripe.v1.payment_intents.list({"customer": request.customer_id, "limit": 100})
            for intent in listed.auto_paging_iter():
                if of_operation(intent, key):
                    return _opened(intent, request)
        return None

    def open_escrow_page(self, request: EscrowPageRequest, *, key: str) -> EscrowPageOpened:
        params = item_pages.params_of(
            customer_id=request.customer_id,
            reference=request.escrow_id,
            line=item_pages.Line(
                request.name, request.amount, request.currency, about=request.about
            ),
            description=request.description,
            metadata=_ours(request, key),
            urls=(request.success_url, request.cancel_url),
        )
        return _page(item_pages.open_page(params, key), request)

    def find_escrow_page(self, request: EscrowPageRequest, *, key: str) -> EscrowPageOpened | None:
        session = item_pages.find_page(request.customer_id, key)
        return _page(session, request) if session else None


def _ours(request: EscrowRequest, key: str) -> dict[str, str]:
    return {
        "operation_id": key,
        "escrow_id": request.escrow_id,
        "request_id": request.request_id,
    }


def _opened(intent: stripe_package.PaymentIntent, request: EscrowRequest) -> EscrowOpened:
    return EscrowOpened(
        provider=PROVIDER,
        at=instant(intent.created),
        settled=True,
        escrow_id=request.escrow_id,
        payment_id=intent.id,
        customer_id=request.customer_id,
        client_secret=intent.client_secret or "",
        money=Money(request.amount, request.currency),
    )


def _page(session: stripe_package.checkout.Session, request: EscrowPageRequest) -> EscrowPageOpened:
    return EscrowPageOpened(
        provider=PROVIDER,
        at=instant(session.created),
        settled=True,
        escrow_id=request.escrow_id,
        checkout_id=session.id,
        customer_id=request.customer_id,
        # One that was paid or has expired meanwhile has no page any more.
        url=session.url or request.cancel_url,
    )
