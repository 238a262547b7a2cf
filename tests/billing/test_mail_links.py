"""Where the mails lead: each link opens for its reader, and shows what the mail speaks of."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from billing.mails.composing import render
from billing.mails.models import Mail
from billing.mails.samples import SAMPLES
from billing.models import Plan
from sessions_live.models import User
from tests.billing.browsing import browser_of
from tests.billing.conftest import Shop
from tests.billing.life import Life

DECLINED, EXPIRED, ASKING = "4000000000000341", "4000000000000069", "4000002760003184"
RENEWAL = 31.1


def links_of(template: str, context: dict[str, Any]) -> list[str]:
    """The paths of ours, the one of the button first."""
    html = render(template, context).html
    found = re.findall(rf'href="{re.escape(settings.SITE_URL)}([^"]*)"', html)
    assert found
    return [path or "/" for path in found]


def opened(user: User, template: str) -> str:
    """What the button of the mail that this person got leads to."""
    mail = Mail.objects.filter(user=user, template=template).latest("id")
    path = links_of(template, mail.context)[0]
    page = browser_of(user).get(path)
    assert page.status_code in (200, 302), path
    return page.headers.get("Location") or page.content.decode()


@pytest.mark.parametrize("template", SAMPLES)
def test_every_link_of_every_mail_opens(shop: Shop, alice: User, template: str):
    for path in links_of(template, SAMPLES[template]):
        assert browser_of(alice).get(path, follow=True).status_code == 200, path
        stranger = Client().get(path)
        sign_in = stranger.headers.get("Location", "")
        assert stranger.status_code == 200 or f"next={path}" in sign_in, path


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice)


def test_a_failed_payment_can_be_paid_where_its_mail_leads(life: Life):
    life.use_card(DECLINED)
    life.advance(RENEWAL)
    page = opened(life.user, "payment_failed")
    assert 'action="/subscription/pay"' in page
    assert "Use another card" in page


def test_a_card_can_be_changed_where_its_mail_leads(life: Life):
    life.use_card(EXPIRED)
    life.advance(RENEWAL)
    assert "Add or change a card" in opened(life.user, "card_expired")
    sent = browser_of(life.user).post("/billing-portal")
    page = life.shop.stripe.http.get(sent.headers["Location"])
    assert life.user.email in page.text


def test_the_bank_s_question_is_answered_where_its_mail_leads(life: Life):
    life.use_card(ASKING)
    life.advance(RENEWAL)
    url = opened(life.user, "action_needed")
    assert life.shop.stripe.http.get(url).status_code == 200


def test_a_change_of_plan_is_confirmed_where_its_mail_leads(life: Life):
    life.use_card(ASKING)
    life.do("change", tier="elite")
    life.hear()
    assert opened(life.user, "action_needed") == life.seen["awaited_change"]["url"]


@pytest.mark.parametrize(("needs_card", "shown"), [(True, "Basic"), (False, "change a card")])
def test_a_trial_s_mail_leads_to_the_plan_or_to_a_card(
    shop: Shop, alice: User, needs_card: bool, shown: str
):
    shop.open("pain_tracker")
    Plan.objects.filter(tier="basic").update(trial_needs_card=needs_card)
    life = Life(shop, alice, "basic")
    life.advance(11.1)
    assert shown in opened(alice, "trial_ending")


def test_a_receipt_s_mail_leads_to_its_document(life: Life):
    number = life.invoices()[0]["number"]
    assert Mail.objects.get(template="receipt").context["number"] == number
    assert number in opened(life.user, "receipt")
