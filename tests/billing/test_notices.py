from __future__ import annotations

from typing import Any

from django.core import mail as post
from django.utils import timezone
from rest_framework.test import APIClient

from billing import sweeping
from billing.entitlements import grant, revoke
from billing.mails import outbox
from billing.mails.models import Mail
from billing.models import Customer, Entitlement, Payment, Plan, Subscription
from config.kit.ids import new_id
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.stripe_events import event, payment_intent


def letters(template: str = "") -> list[Any]:
    """What has gone out so far, with what was still to settle."""
    Mail.objects.filter(status="queued").update(next_attempt_at=timezone.now())
    outbox.send_due()
    assert not Mail.objects.exclude(status="sent").exists()
    mails = Mail.objects.filter(template=template) if template else Mail.objects.all()
    ids = {mail.message_id for mail in mails}
    sent: list[Any] = post.outbox
    return [each for each in sent if each.extra_headers["Message-ID"] in ids]


def text(template: str) -> str:
    (letter,) = letters(template)
    return f"{letter.subject}\n{letter.body}"


def ask_again(shop: Shop, user: User) -> None:
    """The same news by every other way: all events once more."""
    for happened in shop.stripe.events():
        shop.hear({**happened, "id": f"{happened['id']}_again"})


def change(shop: Shop, kind: str = "updated", *, later: int = 60, **fields: Any) -> None:
    """Stripe tells of its subscription, a while after it last did."""
    known = Subscription.objects.get()
    thing = shop.stripe.get(f"subscriptions/{known.provider_id}")
    created = int(known.fact_at.timestamp()) + later
    shop.hear(event(f"customer.subscription.{kind}", {**thing, **fields}, created=created))


def test_who_registers_is_welcomed_once(transactional_db: None):
    asked = {"email": "New@Example.com", "password": "correct horse battery"}
    for _ in range(2):
        APIClient().post("/api/v1/auth/register", asked)
    (letter,) = letters()
    assert (letter.to, letter.subject) == (["new@example.com"], "Welcome to Pain Tracker")


def test_a_purchase_brings_a_receipt_and_the_way_to_the_key(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    receipt = text("receipt")
    assert "$97.00" in receipt, unfinished()
    assert "For: Pro" in receipt
    assert "renews every month" in receipt
    assert "http://127.0.0.1:8000/keys" in text("key_ready")
    assert {letter.to[0] for letter in letters()} == {"alice@example.com"}


def test_news_that_comes_again_is_mailed_once(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    shop.look_back(alice, session_id)
    shop.hear()
    ask_again(shop, alice)
    letters()
    shop.look_back(alice, session_id)
    ask_again(shop, alice)
    assert sorted(Mail.objects.values_list("template", flat=True)) == ["key_ready", "receipt"]
    assert len(letters()) == 2


def test_the_receipt_of_what_is_paid_once_says_so(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    shop.hear()
    receipt = text("receipt")
    assert "For: Lifetime" in receipt
    assert "renews" not in receipt


def test_a_receipt_knows_its_plan_whatever_came_first(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear(*reversed(shop.stripe.events()))
    shop.hear()
    assert "For: Pro" in text("receipt"), unfinished()


def test_a_payment_that_fails_has_no_receipt(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    shop.stripe.pay(session_id, "4000000000000341")
    shop.hear()
    assert not letters("receipt")


def test_nothing_is_receipted_for_nothing(shop: Shop, alice: User):
    """A trial's first invoice is paid, and is of no money."""
    shop.open("pain_tracker")
    shop.buy(alice, "basic")
    shop.hear()
    assert Entitlement.objects.filter(user=alice).exists()
    assert not letters("receipt")


def test_access_that_ends_unpaid_is_told_once(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    change(shop, status="past_due")
    Entitlement.objects.update(expires_at=timezone.now())
    sweeping.sweep()
    change(shop, status="unpaid", later=120)
    sweeping.sweep()
    ended = text("access_ended")
    assert "Your access to Pro has ended" in ended
    assert "did not go through" in ended


def test_who_canceled_is_not_told_that_access_ended(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    change(shop, "deleted", status="canceled")
    assert Entitlement.objects.get().revoke_reason == "canceled"
    assert not letters("access_ended")


def test_a_subscription_that_the_provider_ended_unpaid_is_told(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    Payment.objects.update(status="failed")
    change(shop, "deleted", status="canceled")
    assert "did not go through" in text("access_ended")


def test_who_goes_on_with_another_right_has_lost_nothing(transactional_db: None):
    user = User.objects.create_user("alice@example.com")
    plan = Plan.objects.create(tier="pro", name="Pro")
    sources = [f"order:{new_id()}" for _ in range(2)]
    for source in sources:
        grant(user=user, plan=plan, source=source)
    revoke(source=sources[0], reason="refunded")
    assert not letters("access_ended")
    revoke(source=sources[1], reason="refunded")
    assert "refunded in full" in text("access_ended")


def test_a_payment_of_something_unknown_is_receipted_in_the_providers_words(
    shop: Shop, alice: User
):
    Customer.objects.create(user=alice, provider="stripe", provider_id="cus_1")
    told = payment_intent(customer="cus_1", description="Two coffees", amount=500, currency="jpy")
    shop.hear(event("payment_intent.succeeded", {**told, "amount_received": 500}))
    receipt = text("receipt")
    assert "For: Two coffees" in receipt
    assert "Total: ¥500" in receipt


def test_a_mail_is_undone_with_what_it_tells_of(transactional_db: None):
    User.objects.create_user("alice@example.com")
    asked = {"email": "alice@example.com", "password": "correct horse battery"}
    assert APIClient().post("/api/v1/auth/register", asked).status_code == 409
    assert not Mail.objects.exists()
