"""Escrow on pages: one person pays, and both see it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from billing.models import Payment
from billing.wallet.models import Escrow, Release
from tests.billing.browsing import browser_of, text
from tests.billing.deal_pages import DECLINED, Pages
from tests.billing.deals import balances


# --- paying ---------------------------------------------------------------------------------------
def test_a_payment_is_agreed_on_paid_on_the_hosted_page_and_held(pages: Pages):
    agreed = pages.open()
    assert "Not paid yet" in pages.hers_of(agreed)
    assert "alice@example.com has not paid yet" in pages.his_of(agreed)
    pages.pay(agreed).raise_for_status()
    pages.shop.hear()
    assert balances() == {"stripe:clearing": -10_000, f"escrow:{agreed.pk}": 10_000}
    assert "Held in escrow" in pages.hers_of(agreed)
    assert "Payment secured: it is yours when alice@example.com releases it." in pages.his_of(
        agreed
    )
    paid = Payment.objects.get()
    assert (paid.pk, paid.status, paid.description) == (agreed.pk, "held", "Three posts")


@pytest.mark.parametrize("twice", ["forwards", "backwards"])
def test_every_event_of_a_hosted_page_holds_it_once(pages: Pages, twice: str):
    agreed = pages.open()
    pages.pay(agreed).raise_for_status()
    events = pages.shop.stripe.events()
    pages.shop.hear(*(events if twice == "forwards" else events[::-1]))
    pages.shop.hear(*events)
    assert balances() == {"stripe:clearing": -10_000, f"escrow:{agreed.pk}": 10_000}
    assert Payment.objects.count() == 1


def test_who_comes_back_before_the_webhook_sees_it_held(pages: Pages):
    agreed = pages.open()
    pages.pay(agreed).raise_for_status()
    assert "Payment held in escrow." in text(pages.hers.get(f"/escrow/{agreed.pk}?looks=0"))
    pages.shop.hear()
    assert balances()[f"escrow:{agreed.pk}"] == 10_000


def test_the_page_asks_by_itself_only_while_its_payer_waits_for_news(pages: Pages):
    agreed = pages.open()
    path = f"/escrow/{agreed.pk}"
    assert "every " not in pages.hers.get(path).content.decode()
    assert "every 3s" in pages.hers.get(f"{path}?looks=0").content.decode()
    assert "every 60s" in pages.hers.get(f"{path}?looks=999").content.decode()
    assert "every " not in pages.hers.get(f"{path}?looks=-1").content.decode()


def test_a_declined_card_is_told_to_its_payer_alone_and_can_be_tried_again(pages: Pages):
    agreed = pages.open()
    pages.pay(agreed, DECLINED)
    pages.shop.hear()
    seen = pages.hers_of(agreed)
    assert "Payment failed" in seen
    assert "Your card was declined. You have not been charged" in seen
    assert "Try again" in seen
    assert "declined" not in pages.his_of(agreed)
    again = pages.hers.post(f"/escrow/{agreed.pk}/pay")
    assert again["Location"] == agreed.page_url
    pages.pay(agreed).raise_for_status()
    pages.shop.hear()
    assert "Held in escrow" in pages.hers_of(agreed)
    assert balances()[f"escrow:{agreed.pk}"] == 10_000


def test_a_second_click_agrees_on_it_once(pages: Pages):
    key = str(uuid.uuid4())
    first, second = pages.agree(key=key), pages.agree(key=key)
    assert first["Location"] == second["Location"]
    assert Escrow.objects.count() == 1
    assert pages.agree(key=key, amount="1.00")["Location"] == "/escrow"
    assert Escrow.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"payee": "nobody@example.com"}, "Nobody who can be paid has this e-mail address."),
        ({"payee": "alice@example.com"}, "Escrow is for paying somebody else."),
        ({"amount": "0.10"}, "Between $0.50 and $999,999.99 can be paid at once."),
        ({"amount": "10.001"}, "This currency has no smaller parts than that."),
        ({"amount": "many"}, "Enter a number."),
        ({"currency": "xxx"}, "Select a valid choice."),
        ({"description": ""}, "This field is required."),
    ],
)
def test_a_wrong_field_is_told_beside_it(pages: Pages, changes: dict[str, Any], said: str):
    assert said in text(pages.agree(**changes))
    assert not Escrow.objects.exists()


def test_while_the_provider_is_away_what_was_agreed_on_is_kept_and_paid_later(pages: Pages):
    pages.open()
    fault = {"match": "POST /v1/checkout/sessions", "mode": "status", "status": 400, "times": 1}
    pages.shop.stripe.control("faults", **fault).raise_for_status()
    answer = pages.agree(description="A second one")
    agreed = Escrow.objects.get(description="A second one")
    assert answer["Location"] == f"/escrow/{agreed.pk}"
    paid = pages.hers.post(f"/escrow/{agreed.pk}/pay")
    agreed.refresh_from_db()
    assert paid["Location"] == agreed.page_url


def test_a_page_whose_answer_was_lost_is_found_and_none_is_opened_twice(pages: Pages):
    pages.open()
    lost = {"match": "POST /v1/checkout/sessions", "mode": "reset_after", "times": 2}
    pages.shop.stripe.control("faults", **lost).raise_for_status()
    pages.agree(description="A second one")
    agreed = Escrow.objects.get(description="A second one")
    assert not agreed.page_url
    paid = pages.hers.post(f"/escrow/{agreed.pk}/pay")
    assert paid["Location"].startswith(pages.shop.stripe.url)
    assert len(pages.shop.stripe.get("checkout/sessions")["data"]) == 2


def test_what_is_canceled_cannot_be_paid_any_more_and_is_offered_again(pages: Pages):
    agreed = pages.open()
    pages.hers.post(f"/escrow/{agreed.pk}/cancel")
    seen = pages.hers_of(agreed)
    assert "Not paid" in seen
    assert "Pay it after all" in seen
    assert pages.pay(agreed).status_code == 400
    pages.hers.post(f"/escrow/{agreed.pk}/pay")
    assert "There is nothing to be paid here any more." in text(pages.hers.get("/escrow"))
    form = pages.hers.get(f"/escrow/new?again={agreed.pk}").content.decode()
    for value in ("bob@example.com", "Three posts", "100.00"):
        assert f'value="{value}"' in form
    assert "Three posts" not in text(pages.his.get(f"/escrow/new?again={agreed.pk}"))
    assert 'value="100.00"' not in pages.his.get(f"/escrow/new?again={agreed.pk}").content.decode()


def test_what_is_paid_at_this_very_moment_is_not_canceled(pages: Pages):
    agreed = pages.open()
    pages.pay(agreed).raise_for_status()
    pages.hers.post(f"/escrow/{agreed.pk}/cancel")
    assert "Held in escrow" in pages.hers_of(agreed)
    assert balances()[f"escrow:{agreed.pk}"] == 10_000


def test_a_page_that_expired_is_over(pages: Pages):
    agreed = pages.open()
    pages.shop.stripe.control("clock", advance_seconds=90_000).raise_for_status()
    pages.shop.hear()
    assert "Not paid" in pages.hers_of(agreed)
    assert Escrow.objects.get().closed_at is not None


# --- who sees what --------------------------------------------------------------------------------
def test_both_sides_find_it_in_their_lists_and_nobody_else(pages: Pages):
    pages.hold()
    stranger = browser_of(pages.shop.person())
    assert "to bob@example.com" in text(pages.hers.get("/escrow"))
    assert "to bob@example.com" in text(pages.hers.get("/escrow?side=paying"))
    assert "Nobody has paid you in escrow yet." in text(pages.hers.get("/escrow?side=earning"))
    assert "from alice@example.com" in text(pages.his.get("/escrow?side=earning"))
    assert "You have not paid anybody in escrow yet." in text(pages.his.get("/escrow?side=paying"))
    assert "in escrow yet." in text(stranger.get("/escrow?side=lost"))


def test_a_long_list_is_turned_page_by_page(pages: Pages):
    for number in range(23):
        Escrow.objects.create(
            payer=pages.alice,
            payee=pages.bob,
            provider="stripe",
            amount=1_000 + number,
            currency="usd",
            fee_bps=0,
        )
    first = pages.hers.get("/escrow").content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    rest = pages.hers.get(f"/escrow{older[1]}").content.decode()
    assert (first.count("<tr>") - 1, rest.count("<tr>") - 1) == (20, 3)


@pytest.mark.parametrize("path", ["", "/pay", "/cancel", "/release"])
def test_a_stranger_finds_nothing_and_who_is_paid_decides_nothing(pages: Pages, path: str):
    agreed = pages.hold()
    form = {"amount": "1", "currency": "usd", "key": str(uuid.uuid4())}
    stranger = browser_of(pages.shop.person())
    url = f"/escrow/{agreed.pk}{path}"
    ask = {"": stranger.get}.get(path, stranger.post)
    assert ask(url, form).status_code == 404
    if path:
        assert pages.his.post(url, form).status_code == 404
        assert pages.hers.get(url, form).status_code == (200 if path == "/release" else 405)
    assert Client().get(f"/escrow/{agreed.pk}")["Location"].startswith("/sign-in")
    assert not Release.objects.exists()


def test_one_that_another_program_opened_is_not_paid_here(pages: Pages):
    body = {"payee": pages.bob.email, "amount": 500, "currency": "usd"}
    opened = pages.shop.client(pages.alice).post("/api/v1/escrow-payments", body).json()
    agreed = Escrow.objects.get(pk=opened["id"])
    assert "This was begun in another program" in pages.hers_of(agreed)
    pages.hers.post(f"/escrow/{agreed.pk}/pay")
    assert "is paid there" in text(pages.hers.get("/escrow"))
