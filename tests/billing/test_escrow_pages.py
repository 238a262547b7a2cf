"""Escrow on pages: one person pays, both see it, the payer releases."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from billing.models import Payment
from billing.sweeping import sweep
from billing.wallet import escrow
from billing.wallet.models import Escrow, Release
from config.kit.money import Money
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.deals import balances

GOOD, DECLINED = "4242424242424242", "4000000000000002"


class Pages:
    """Alice pays Bob, each in a browser of their own."""

    def __init__(self, shop: Shop, alice: User, bob: User) -> None:
        self.shop, self.alice, self.bob = shop, alice, bob
        self.hers, self.his = browser_of(alice), browser_of(bob)

    def agree(self, **changes: Any) -> Any:
        form = {
            **{"payee": self.bob.email, "description": "Three posts", "amount": "100.00"},
            **{"currency": "usd", "key": str(uuid.uuid4()), **changes},
        }
        return self.hers.post("/escrow/new", form)

    def open(self, **changes: Any) -> Escrow:
        """Ends on the provider's page."""
        answer = self.agree(**changes)
        assert answer.status_code == 302, words(answer)
        agreed = Escrow.objects.latest("created_at")
        assert answer["Location"] == agreed.page_url
        return agreed

    def pay(self, agreed: Escrow, card: str = GOOD) -> Any:
        return self.shop.stripe.pay(agreed.page_id, card)

    def hold(self, **changes: Any) -> Escrow:
        agreed = self.open(**changes)
        self.pay(agreed).raise_for_status()
        self.shop.hear()
        return Escrow.objects.get(pk=agreed.pk)

    def release(self, agreed: Escrow, amount: str, *, key: str = "") -> Any:
        form = {"amount": amount, "currency": "usd", "key": key or str(uuid.uuid4())}
        return self.hers.post(f"/escrow/{agreed.pk}/release", form, follow=True)

    def hers_of(self, agreed: Escrow) -> str:
        return words(self.hers.get(f"/escrow/{agreed.pk}"))

    def his_of(self, agreed: Escrow) -> str:
        return words(self.his.get(f"/escrow/{agreed.pk}"))


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def words(answer: Any) -> str:
    """A page's words, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


@pytest.fixture
def pages(shop: Shop, alice: User, bob: User) -> Pages:
    return Pages(shop, alice, bob)


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
    assert "Payment held in escrow." in words(pages.hers.get(f"/escrow/{agreed.pk}?looks=0"))
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
    assert said in words(pages.agree(**changes))
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
    assert "There is nothing to be paid here any more." in words(pages.hers.get("/escrow"))
    form = pages.hers.get(f"/escrow/new?again={agreed.pk}").content.decode()
    for value in ("bob@example.com", "Three posts", "100.00"):
        assert f'value="{value}"' in form
    assert "Three posts" not in words(pages.his.get(f"/escrow/new?again={agreed.pk}"))
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


# --- releasing ------------------------------------------------------------------------------------
def test_a_part_is_shown_with_its_fee_before_it_is_released(pages: Pages):
    agreed = pages.hold()
    path = f"/escrow/{agreed.pk}/release"
    key = str(uuid.uuid4())
    asked = words(pages.hers.get(path, {"amount": "40", "currency": "usd", "key": key}))
    assert "Release $40.00 to bob@example.com?" in asked
    assert "The platform's fee $4.00" in asked
    assert "bob@example.com gets $36.00" in asked
    assert "Still held afterwards $60.00" in asked
    assert not Release.objects.exists()
    pages.release(agreed, "40", key=key)
    assert balances()[f"wallet:{pages.bob.pk}"] == 3_600


def test_the_rest_is_released_and_both_read_the_whole_story(pages: Pages):
    agreed = pages.hold()
    told = words(pages.release(agreed, "40"))
    assert "$40.00 released to bob@example.com." in told
    assert "Held in escrow" in told
    told = words(pages.release(agreed, "60.00"))
    assert "Released" in told
    for seen in (told, pages.his_of(agreed)):
        assert "$100.00 agreed on" in seen
        assert "$40.00 released by alice@example.com" in seen
        assert "bob@example.com got $36.00; the platform kept $4.00." in seen
    assert "It is in your wallet." in pages.his_of(agreed)


def test_a_second_click_releases_once(pages: Pages):
    agreed, key = pages.hold(), str(uuid.uuid4())
    for _ in range(2):
        pages.release(agreed, "40", key=key)
    assert Release.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("100.01", "$100.00 is left."),
        ("0", "$100.00 is left."),
        ("all", "Please give an amount, such as 25 or 25.50."),
        ("1.001", "Please give an amount, such as 25 or 25.50."),
    ],
)
def test_an_amount_that_cannot_be_released_is_refused(pages: Pages, amount: str, said: str):
    agreed = pages.hold()
    asked = {"amount": amount, "currency": "usd", "key": str(uuid.uuid4())}
    path = f"/escrow/{agreed.pk}/release"
    assert said in words(pages.hers.get(path, asked, follow=True))
    assert said in words(pages.hers.post(path, asked, follow=True))
    assert not Release.objects.exists()


def test_what_went_back_and_what_a_bank_disputes_is_said(pages: Pages):
    agreed = pages.hold()
    escrow.freeze(agreed.pk)
    assert "Disputed" in pages.hers_of(agreed)
    assert "Release…" not in pages.hers_of(agreed)
    escrow.thaw(agreed.pk)
    with transaction.atomic():
        escrow.returned(agreed.pk, Money(10_000, "usd"), reference="refund:1", reserved=False)
    seen = pages.his_of(agreed)
    assert "All of it went back to who paid." in seen
    assert "$100.00 returned to the payer" in seen


# --- who sees what --------------------------------------------------------------------------------
def test_both_sides_find_it_in_their_lists_and_nobody_else(pages: Pages):
    pages.hold()
    stranger = browser_of(pages.shop.person())
    assert "to bob@example.com" in words(pages.hers.get("/escrow"))
    assert "to bob@example.com" in words(pages.hers.get("/escrow?side=paying"))
    assert "Nobody has paid you in escrow yet." in words(pages.hers.get("/escrow?side=earning"))
    assert "from alice@example.com" in words(pages.his.get("/escrow?side=earning"))
    assert "You have not paid anybody in escrow yet." in words(pages.his.get("/escrow?side=paying"))
    assert "in escrow yet." in words(stranger.get("/escrow?side=lost"))


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
    assert "is paid there" in words(pages.hers.get("/escrow"))


# --- news that never came -------------------------------------------------------------------------
def grown_old(agreed: Escrow, **age: float) -> None:
    Escrow.objects.filter(pk=agreed.pk).update(
        created_at=timezone.now() - timedelta(**age), asked_at=None
    )


def begun(pages: Pages, way: str) -> Escrow:
    if way == "page":
        return pages.open()
    body = {"payee": pages.bob.email, "amount": 10_000, "currency": "usd"}
    opened = pages.shop.client(pages.alice).post("/api/v1/escrow-payments", body).json()
    return Escrow.objects.get(pk=opened["id"])


def paid(pages: Pages, agreed: Escrow) -> Any:
    if agreed.way == "page":
        return pages.pay(agreed)
    intent = agreed.client_secret.split("_secret_")[0]
    return pages.shop.stripe.control(f"payment_intents/{intent}/confirm", card=GOOD)


@pytest.mark.parametrize("way", ["page", "intent"])
def test_the_sweep_finds_what_no_webhook_told(pages: Pages, way: str):
    agreed = begun(pages, way)
    paid(pages, agreed).raise_for_status()
    assert sweep()["escrows_asked"] == 0
    grown_old(agreed, minutes=11)
    assert sweep()["escrows_asked"] == 1
    assert balances()[f"escrow:{agreed.pk}"] == 10_000
    assert "Payment secured" in pages.his_of(agreed)
    assert sweep()["escrows_asked"] == 0


def test_the_sweep_asks_about_each_once_an_hour(pages: Pages):
    agreed = pages.open()
    grown_old(agreed, minutes=11)
    assert [sweep()["escrows_asked"] for _ in range(2)] == [1, 0]
    Escrow.objects.update(asked_at=timezone.now() - timedelta(minutes=61))
    assert sweep()["escrows_asked"] == 1


@pytest.mark.parametrize("way", ["page", "intent"])
def test_what_nobody_pays_for_a_day_is_given_up_and_cannot_be_paid(pages: Pages, way: str):
    agreed = begun(pages, way)
    grown_old(agreed, hours=26)
    sweep()
    assert paid(pages, agreed).status_code == 400
    pages.shop.hear()
    assert "Not paid" in pages.hers_of(agreed)
    state = pages.shop.client(pages.alice).get(f"/api/v1/escrow-payments/{agreed.pk}").json()
    assert state["status"] == "canceled"
    assert balances() == {}


def test_while_the_provider_is_away_the_sweep_asks_about_the_others_too(pages: Pages):
    first, second = pages.open(), pages.open(description="Another")
    for each in (first, second):
        pages.pay(each).raise_for_status()
        grown_old(each, minutes=11)
    fault = {
        "match": f"GET /v1/checkout/sessions/{first.page_id}",
        **{"mode": "status", "status": 404, "times": 3},
    }
    pages.shop.stripe.control("faults", **fault).raise_for_status()
    assert sweep()["escrows_asked"] == 1
    assert Escrow.objects.get(held_at=None) == first
