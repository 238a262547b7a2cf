"""A cause is what the evidence says: the inbox, our calls, and the rows themselves."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from billing.models import Customer, Entitlement, Invoice, Payment, Subscription
from billing.reconciliation.models import Difference, Run
from billing.reconciliation.running import begin, carry_on
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.payments import make_payment
from tests.billing.reconciliation import planting
from tests.billing.reconciliation.test_reconcile import reconcile, sold  # noqa: F401


def cause_of(kind: str) -> tuple[str, str]:
    found = Difference.objects.get(kind=kind)
    return found.cause, found.evidence


def events_of(subscription: Subscription) -> list[WebhookEvent]:
    named = WebhookEvent.objects.filter(body__contains=subscription.provider_id)
    return list(named.filter(type__startswith="customer.subscription").order_by("pk"))


def test_a_row_that_was_changed_after_its_news_was_changed_here(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    row = Subscription.objects.earliest("pk")
    Subscription.objects.filter(pk=row.pk).update(status="past_due")
    reconcile()
    cause, evidence = cause_of("subscription_status")
    assert cause == "changed_here"
    assert "took effect" in evidence


def test_news_that_nobody_acts_on_says_nothing_of_an_older_payment(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    """Stripe tells of much that we put aside, in the very second in which a payment is made."""
    Payment.objects.update(amount=1)
    Invoice.objects.update(total=1)
    reconcile()
    rows = Difference.objects.filter(kind__in=["payment_amount", "invoice_amounts"])
    assert [row.cause for row in rows] == ["changed_here"] * 8


def test_an_event_newer_than_the_row_had_no_effect(shop: Shop, sold: list[User]):  # noqa: F811
    row = Subscription.objects.earliest("pk")
    long_ago = row.fact_at - timedelta(days=1)
    Subscription.objects.filter(pk=row.pk).update(status="past_due", fact_at=long_ago)
    reconcile()
    cause, evidence = cause_of("subscription_status")
    assert cause == "no_effect"
    assert events_of(row)[-1].event_id in evidence


def test_a_dead_letter_says_what_went_wrong(shop: Shop, sold: list[User]):  # noqa: F811
    row = Subscription.objects.earliest("pk")
    Subscription.objects.filter(pk=row.pk).update(status="past_due")
    last = events_of(row)[-1]
    WebhookEvent.objects.filter(pk=last.pk).update(
        status="failed", error="Traceback\n  …\nKeyError: 'alice@example.com'"
    )
    reconcile()
    cause, evidence = cause_of("subscription_status")
    assert cause == "dead_letter"
    assert evidence.endswith("was given up: KeyError.")


def test_what_was_put_aside_is_told_from_what_never_came(shop: Shop, sold: list[User]):  # noqa: F811
    shop.buy(shop.person(), "lifetime")
    planting.put_aside(shop)
    reconcile()
    assert cause_of("payment_missing")[0] == "set_aside"


def test_an_object_of_which_no_event_is_here_was_missed(shop: Shop, sold: list[User]):  # noqa: F811
    row = Subscription.objects.select_related("user").earliest("pk")
    Subscription.objects.filter(pk=row.pk).update(status="past_due")
    WebhookEvent.objects.filter(body__contains=row.provider_id).delete()
    theirs = Customer.objects.get(user=row.user).provider_id or ""
    run = begin(scope=Run.Scope.CUSTOMER, customer=theirs)
    # So that its events are not news, which a run takes before it says that something differs.
    Run.objects.filter(pk=run.pk).update(started_at=timezone.now() + timedelta(hours=1))
    carry_on(run)
    assert cause_of("subscription_status") == (
        "missed_event",
        "No event of it is in the inbox.",
    )


def test_what_was_deleted_there_is_told_from_what_was_made_up_here(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    theirs = Customer.objects.get(user=sold[0]).provider_id
    shop.stripe.stripe.delete(f"/v1/customers/{theirs}").raise_for_status()
    made_up = make_payment(sold[1], status="failed")
    reconcile()
    cause, evidence = cause_of("customer_orphaned")
    assert cause == "changed_there"
    assert "customer.deleted" in evidence
    assert cause_of("payment_orphaned")[0] == "changed_here"
    assert Difference.objects.get(kind="payment_orphaned").object_id == made_up.provider_id


def test_who_asked_for_a_change_is_read_from_its_event(shop: Shop, sold: list[User]):  # noqa: F811
    planting.refund_unbooked(shop, sold[0])
    reconcile()
    assert "(by no call of ours)" in cause_of("booking_missing")[1]


def test_a_right_says_itself_who_ended_it(shop: Shop, sold: list[User]):  # noqa: F811
    ended = timezone.now()
    of_first = Entitlement.objects.filter(user=sold[0])
    of_first.update(revoked_at=ended, revoked_by="evt_1", revoke_reason="ended")
    reconcile()
    cause, evidence = cause_of("entitlement_missing")
    assert cause == "no_effect"
    assert "evt_1" in evidence


def test_where_nothing_says_why_the_cause_is_unknown(shop: Shop, sold: list[User]):  # noqa: F811
    gone = make_payment(sold[0], status="failed").provider_id
    told = WebhookEvent.objects.filter(type="payment_intent.succeeded").earliest("pk")
    paid = Payment.objects.earliest("pk").provider_id
    WebhookEvent.objects.create(
        provider="stripe",
        event_id="evt_once",
        type=told.type,
        body=told.body.replace(paid, gone),
        status="processed",
    )
    reconcile()
    assert cause_of("payment_orphaned")[0] == "unknown"
