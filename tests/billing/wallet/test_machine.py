"""A few lives for every change; two hundred are in the scorecard (R13)."""

from __future__ import annotations

from tests.billing.conftest import Shop
from tests.billing.wallet.lives import live


def test_the_books_and_the_reference_never_differ(shop: Shop):
    assert live(shop, lives=8, steps=25, first=6).whole == 8
