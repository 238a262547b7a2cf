"""What the two sides of an escrow hear, on their open pages and by mail."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.mails.composing import render
from billing.mails.models import Mail
from billing.sweeping import sweep
from billing.wallet.models import Escrow
from config.kit.redis_client import redis_client
from sessions_live.line import feed_key
from sessions_live.models import User
from sessions_live.rooms import payments_room
from tests.billing.conftest import Shop
from tests.billing.deals import DECLINED, Deal
from tests.billing.returns import AMOUNT, Told


def told(user: User) -> list[tuple[str, str]]:
    """What this person's browsers heard: kind and message, or the balances."""
    frames = redis_client().xrange(feed_key(payments_room(user.pk)))
    news = [json.loads(fields[b"frame"]) for _, fields in frames]
    return [
        (
            each["type"],
            available_and_pending(each["data"])
            if each["type"] == "wallet:update"
            else each["data"]["message"],
        )
        for each in news
    ]


def available_and_pending(data: dict[str, Any]) -> str:
    return f"{data['available_balance']}, {data['pending_balance']}"


def test_the_payer_is_reminded_once(deal: Deal):
    escrow_id = deal.hold()
    assert sweep()["escrows_reminded"] == 0
    Escrow.objects.update(remind_at=timezone.now() - timedelta(seconds=1))
    assert [sweep()["escrows_reminded"] for _ in range(2)] == [1, 0]
    mail = Mail.objects.get(template="escrow_waiting")
    assert (mail.to, mail.key) == ("alice@example.com", f"escrow_waiting:{escrow_id}")


def test_both_sides_hear_it_in_their_own_words(deal: Deal):
    redis_client().flushdb()
    escrow_id = deal.open()
    deal.pay(escrow_id, DECLINED)
    deal.shop.hear()
    deal.pay(escrow_id)
    deal.shop.hear()
    deal.release(escrow_id)
    hers = told(deal.alice)
    assert hers[0][1].startswith("Payment failed")
    assert hers[1:] == [
        ("payment:update", "Payment held in escrow"),
        ("payment:update", "Payment released"),
    ]
    assert told(deal.bob) == [
        ("payment:update", "Payment secured"),
        ("wallet:update", "0, 9000"),
        ("payment:update", "Payment released"),
        ("wallet:update", "9000, 0"),
    ]


def mails_to(user: User, template: str) -> list[Mail]:
    return list(Mail.objects.filter(user=user, template=template).order_by("created_at"))


def letter(mail: Mail) -> str:
    told = render(mail.template, mail.context)
    return f"{told.subject}\n{told.text}"


def test_the_payee_is_written_to_once_when_the_money_is_there(deal: Deal):
    escrow_id = deal.hold()
    deal.shop.hear(*deal.shop.stripe.events()[::-1])
    (mail,) = mails_to(deal.bob, "escrow_secured")
    assert (mail.to, mail.key) == ("bob@example.com", f"escrow_secured:{escrow_id}")
    words = letter(mail)
    assert "$100.00 from alice@example.com is held for you" in words
    assert "Our share of it: $10.00" in words
    assert not Mail.objects.filter(user=deal.alice, template="escrow_secured").exists()


def test_the_payee_is_written_to_for_each_part_that_is_released(deal: Deal):
    escrow_id = deal.hold()
    for _ in range(2):
        deal.release(escrow_id, key="first", amount=4_005)
    deal.release(escrow_id)
    part, rest = (letter(mail) for mail in mails_to(deal.bob, "escrow_released"))
    assert "$36.04 from alice@example.com is released to you" in part
    assert "Our share, taken off: $4.01" in part
    assert "Still held: $59.95" in part
    assert "$53.96 from alice@example.com is released to you" in rest
    assert "Still held" not in rest
    assert deal.wallet()["available_balance"] == 3_604 + 5_396


def test_a_payee_without_an_address_is_not_written_to(deal: Deal):
    escrow_id = deal.open()
    User.objects.filter(pk=deal.bob.pk).update(email="erased@erased.invalid")
    deal.pay(escrow_id)
    deal.shop.hear()
    assert deal.state(escrow_id)["status"] == "held"
    assert [mail.to for mail in mails_to(deal.bob, "escrow_secured")] == [""]


def payment_news(user: User) -> list[str]:
    return [message for kind, message in told(user) if kind == "payment:update"]


@pytest.mark.parametrize(
    ("story", "hers", "his"),
    [
        ("refund 400", ["$4.00 goes back to you"], ["$4.00 went back to the payer"]),
        (
            "refund, refund fails",
            ["$19.00 goes back to you", "A refund of $19.00 did not reach you"],
            [
                "$19.00 went back to the payer",
                "$19.00 came back, as it did not reach the payer",
            ],
        ),
        (
            "dispute, won",
            ["Your bank disputes this payment", "The bank has decided: the payment stands"],
            ["The payer's bank disputes it", "The bank has decided: the payment stands"],
        ),
        (
            "dispute, lost",
            ["Your bank disputes this payment", "Your bank gave $19.00 back to you"],
            ["The payer's bank disputes it", "The payer's bank gave $19.00 back to them"],
        ),
    ],
)
@pytest.mark.parametrize("kind", ["held", "released"])
def test_each_step_of_money_that_goes_back_is_told_to_both_once(
    shop: Shop, kind: str, story: str, hers: list[str], his: list[str]
):
    assert AMOUNT == 1_900
    there = Told(shop, kind)
    redis_client().flushdb()
    for step in story.split(", "):
        there.happens(step)
        there.hear()
    assert payment_news(there.payer) == hers
    assert payment_news(there.payee) == his
