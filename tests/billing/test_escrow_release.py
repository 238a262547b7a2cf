"""Releasing what is held, in whole or in parts, and what a refund or a dispute takes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from billing import escrow_payments
from billing.models import Payment
from billing.sweeping import sweep
from billing.wallet import escrow, funds
from billing.wallet.models import Escrow
from config.kit.money import Money
from tests.billing.deals import URL, Deal, balances, right
from tests.billing.wallet.test_ledger import at_once


def test_the_payee_cannot_release_and_staff_need_the_permission(deal: Deal):
    escrow_id = deal.hold()
    release = f"{URL}/{escrow_id}/release"
    support, finance = (deal.shop.person(is_staff=True) for _ in range(2))
    support.groups.add(Group.objects.get(name="Support"))
    finance.groups.add(Group.objects.get(name="Finance"))
    assert deal.his.post(release).status_code == 403
    assert deal.shop.client(support).post(release).status_code == 404
    assert deal.wallet()["available_balance"] == 0
    assert deal.shop.client(finance).post(release).status_code == 200
    assert deal.wallet()["available_balance"] == 9_000


def test_what_is_not_paid_cannot_be_released(deal: Deal):
    escrow_id = deal.open()
    assert deal.release(escrow_id).status_code == 409
    assert deal.release(escrow_id).json()["errors"][0]["code"] == "not_held"


def test_parts_cost_what_the_whole_does(deal: Deal):
    escrow_id = deal.hold(1_005)
    for part in (1, 333, 4, 1, 1):
        assert deal.release(escrow_id, amount=part).json()["status"] == "held"
    assert deal.release(escrow_id).json()["status"] == "released"
    whole = deal.hold(1_005)
    before = deal.wallet()["available_balance"]
    deal.release(whole)
    assert deal.wallet()["available_balance"] == 2 * before
    assert before == 1_005 - 101


def test_more_than_is_left_is_refused(deal: Deal):
    escrow_id = deal.hold(1_000)
    assert deal.release(escrow_id, amount=1_001).status_code == 409
    deal.release(escrow_id, amount=600)
    assert deal.release(escrow_id, amount=401).status_code == 409
    assert deal.release(escrow_id, amount=400).json()["status"] == "released"
    assert deal.release(escrow_id).status_code == 409


def test_a_part_is_released_once_for_each_key(deal: Deal):
    escrow_id = deal.hold(1_000)
    first, again = (deal.release(escrow_id, key="a", amount=100) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert deal.wallet()["available_balance"] == 90
    assert deal.release(escrow_id, key="a", amount=200).status_code == 422
    deal.release(escrow_id, key="b", amount=100)
    assert deal.wallet()["available_balance"] == 180


def test_released_by_many_at_once_it_is_paid_once(deal: Deal):
    escrow_id = deal.hold(1_000)
    came = at_once(
        *[lambda: escrow_payments.release(escrow_id, by=deal.alice, amount=300)] * 6,
    )
    given = [each for each in came if isinstance(each, Escrow)]
    assert len(given) == 3
    assert deal.wallet()["available_balance"] == 810
    assert deal.state(escrow_id)["released"] == 900
    assert right()


def locked(act: Callable[[], object]) -> object:
    with transaction.atomic():
        return act()


def test_a_refund_and_a_release_at_once_never_give_the_same_money_twice(deal: Deal):
    key = Escrow.objects.get(pk=deal.hold(1_000)).pk
    money = Money(1_000, "usd")
    came = at_once(
        lambda: escrow_payments.release(str(key), by=deal.alice),
        lambda: locked(lambda: escrow.reserve_return(key, money)),
    )
    assert len([each for each in came if isinstance(each, Escrow)]) == 1
    held = Escrow.objects.get(pk=key)
    assert held.released + held.returning == 1_000


def test_a_refund_while_held_goes_back_to_the_payer(deal: Deal):
    key = Escrow.objects.get(pk=deal.hold(1_000)).pk
    locked(lambda: escrow.reserve_return(key, Money(400, "usd")))
    assert deal.release(str(key), amount=601).status_code == 409
    for _ in range(2):
        with transaction.atomic():
            escrow.returned(key, Money(400, "usd"), reference="refund:1", reserved=True)
    assert balances() == {"stripe:clearing": -600, f"escrow:{key}": 600}
    deal.release(str(key))
    assert deal.wallet()["available_balance"] == 540
    assert right()


def test_a_refund_that_is_given_up_can_be_released_again(deal: Deal):
    key = Escrow.objects.get(pk=deal.hold(1_000)).pk
    locked(lambda: escrow.reserve_return(key, Money(1_000, "usd")))
    assert deal.release(str(key)).status_code == 409
    locked(lambda: escrow.keep_after_all(key, Money(1_000, "usd")))
    assert deal.release(str(key)).status_code == 200


def test_a_refund_after_release_takes_what_the_payee_has_and_the_next_earning_repays(deal: Deal):
    key = Escrow.objects.get(pk=deal.hold(1_000)).pk
    deal.release(str(key))
    with transaction.atomic():
        funds.reserve(key, deal.bob.pk, Money(600, "usd"))
    with transaction.atomic():
        escrow.returned(key, Money(1_000, "usd"), reference="refund:1", reserved=False)
    assert (deal.wallet()["available_balance"], deal.wallet()["owed"]) == (0, 700)
    assert balances()[f"receivable:{deal.bob.pk}"] == -700
    deal.release(deal.hold(1_000))
    assert (deal.wallet()["available_balance"], deal.wallet()["owed"]) == (200, 0)
    assert right()


def test_a_dispute_freezes_what_is_held_and_its_loss_is_the_payees(deal: Deal):
    key = Escrow.objects.get(pk=deal.hold(1_000)).pk
    escrow.freeze(key)
    assert deal.release(str(key)).json()["errors"][0]["code"] == "disputed"
    with transaction.atomic():
        escrow.lost_to_dispute(key, Money(1_000, "usd"), reference="dispute:1:lost")
    assert balances() == {"stripe:clearing": -1_000, "disputes": 1_000}
    assert deal.release(str(key)).status_code == 409


def test_the_wallet_lists_each_movement_with_what_was_left_on_every_page(deal: Deal):
    for amount in (1_000, 2_000, 3_000):
        deal.release(deal.hold(amount))
    first = deal.his.get("/api/v1/wallet/transactions?page_size=2").json()
    second = deal.his.get(first["next"]).json()
    lines = first["results"] + second["results"]
    assert [(line["amount"], line["balance"]) for line in lines] == [
        (2_700, 5_400),
        (1_800, 2_700),
        (900, 900),
    ]
    assert second["next"] is None
    assert deal.hers.get("/api/v1/wallet/transactions").json()["results"] == []
    assert deal.hers.get("/api/v1/wallet").json() == {"balances": []}


def test_what_waited_long_enough_is_released_by_itself(deal: Deal, settings: Any):
    settings.ESCROW_RELEASE_DAYS = 3
    escrow_id = deal.hold()
    assert sweep()["escrows_released"] == 0
    Escrow.objects.update(release_at=timezone.now() - timedelta(seconds=1))
    assert sweep()["escrows_released"] == 1
    assert deal.state(escrow_id)["status"] == "released"
    assert sweep()["escrows_released"] == 0


def test_a_fee_of_a_whole_never_depends_on_its_parts():
    """A hundred thousand splits: each sequence of parts costs what the whole does."""
    numbers = iter(range(1, 10**9))
    for _ in range(20_000):
        number = next(numbers)
        amount, bps = number * 7_919 % 99_999 + 50, number * 104_729 % 10_001
        held = Escrow(amount=amount, currency="usd", fee_bps=bps)
        cuts = sorted({amount, *(number * each % amount for each in (31, 61, 97, 7, 3))} - {0})
        fees, before = 0, 0
        for cut in cuts:
            fee = escrow.fee_of(held, cut).amount - escrow.fee_of(held, before).amount
            assert 0 <= fee <= cut - before
            fees, before = fees + fee, cut
        assert fees == escrow.fee_of(held, amount).amount


def test_the_fee_is_what_it_was_when_they_agreed(deal: Deal, settings: Any):
    escrow_id = deal.hold(1_000)
    settings.PLATFORM_FEE_BPS = 5_000
    assert deal.wallet()["pending_balance"] == 900
    deal.release(escrow_id)
    assert deal.wallet()["available_balance"] == 900


@pytest.mark.parametrize(("part", "fee"), [(1, 0), (4, 0), (5, 1), (14, 1), (15, 2), (1_004, 100)])
def test_a_fee_is_rounded_to_the_nearest_unit_and_the_half_is_the_platforms(part: int, fee: int):
    held = Escrow(amount=2_000, currency="usd", fee_bps=1_000)
    assert escrow.fee_of(held, part) == Money(fee, "usd")


def test_the_same_key_again_releases_nothing_of_what_went_back_meanwhile(deal: Deal):
    escrow_id = deal.hold(1_000)
    deal.release(escrow_id, key="a", amount=600)
    refund_the_rest(deal, escrow_id)
    assert deal.release(escrow_id, key="a").json()["status"] == "held"
    assert deal.wallet()["available_balance"] == 540


def refund_the_rest(of: Deal, escrow_id: str) -> None:
    intent = Payment.objects.get(pk=escrow_id).provider_id
    body = {"payment_intent": intent, "amount": 400}
    of.shop.stripe.stripe.post("/v1/refunds", data=body).raise_for_status()
    of.shop.hear()


def test_a_key_is_its_users_own(deal: Deal):
    finance = deal.shop.person(is_staff=True)
    finance.groups.add(Group.objects.get(name="Finance"))
    escrow_id, key = deal.hold(1_000), {"Idempotency-Key": "a"}
    deal.release(escrow_id, key="a", amount=100)
    path = f"{URL}/{escrow_id}/release"
    by_staff = deal.shop.client(finance).post(path, {"amount": 300}, headers=key)
    assert (by_staff.status_code, by_staff.json()["released"]) == (200, 400)
