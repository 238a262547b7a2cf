"""Releasing on pages: a part is shown with its fee before it is released."""

from __future__ import annotations

import uuid

import pytest
from django.db import transaction

from billing.wallet import escrow
from billing.wallet.models import Release
from config.kit.money import Money
from tests.billing.browsing import text
from tests.billing.deal_pages import Pages
from tests.billing.deals import balances


def test_a_part_is_shown_with_its_fee_before_it_is_released(pages: Pages):
    agreed = pages.hold()
    path = f"/escrow/{agreed.pk}/release"
    key = str(uuid.uuid4())
    asked = text(pages.hers.get(path, {"amount": "40", "currency": "usd", "key": key}))
    assert "Release $40.00 to bob@example.com?" in asked
    assert "The platform's fee $4.00" in asked
    assert "bob@example.com gets $36.00" in asked
    assert "Still held afterwards $60.00" in asked
    assert not Release.objects.exists()
    pages.release(agreed, "40", key=key)
    assert balances()[f"wallet:{pages.bob.pk}"] == 3_600


def test_the_rest_is_released_and_both_read_the_whole_story(pages: Pages):
    agreed = pages.hold()
    told = text(pages.release(agreed, "40"))
    assert "$40.00 released to bob@example.com." in told
    assert "Held in escrow" in told
    told = text(pages.release(agreed, "60.00"))
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
    assert said in text(pages.hers.get(path, asked, follow=True))
    assert said in text(pages.hers.post(path, asked, follow=True))
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
