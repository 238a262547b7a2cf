"""Items that the card on file pays, with nobody there."""

from __future__ import annotations

from billing.models import Customer, Payment
from sessions_live.models import User
from tests.billing.buying import ask, look, owned
from tests.billing.conftest import Shop, unfinished

NEVER_ASKED = "4000000000000341"
ALWAYS_ASKS = "4000002760003184"


def with_card(shop: Shop, user: User, card: str = "4242424242424242") -> None:
    """Somebody whose card is on file, as after a subscription."""
    shop.buy(user)
    customer = Customer.objects.get(user=user)
    shop.stripe.control(f"customers/{customer.provider_id}/card", card=card).raise_for_status()


def test_the_card_on_file_pays_with_nobody_there(shop: Shop, alice: User):
    with_card(shop, alice)
    answer = ask(shop, alice, off_session=True)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")
    assert answer.json()["payment_method"].startswith("pm_")
    assert owned(shop, alice) == [("skin_neon", 1, 299)]
    shop.hear()
    assert Payment.objects.filter(purchase__isnull=False).count() == 1, unfinished()


def test_a_declined_card_on_file_is_told_in_words_and_only_tried_once(shop: Shop, alice: User):
    with_card(shop, alice, NEVER_ASKED)
    first, again = (ask(shop, alice, key="k1", off_session=True) for _ in range(2))
    assert (first.status_code, first.json()) == (402, again.json())
    refused = first.json()["errors"][0]
    assert (refused["code"], refused["detail"]) == ("card_declined", "Your card was declined.")
    shop.hear()
    payment = Payment.objects.get(purchase__isnull=False)
    assert (payment.status, payment.attempts.count()) == ("failed", 1), unfinished()
    assert owned(shop, alice) == []


def test_a_card_that_asks_for_its_owner_is_left_to_the_client(shop: Shop, alice: User):
    with_card(shop, alice, ALWAYS_ASKS)
    begun = ask(shop, alice, off_session=True)
    assert (begun.status_code, begun.json()["status"]) == (201, "requires_action")
    assert begun.json()["client_secret"]
    intent_id = begun.json()["id"]
    assert look(shop, alice, intent_id).json()["status"] == "requires_action"
    done = shop.stripe.control(
        f"payment_intents/{intent_id}/confirm", card="4242424242424242", authenticate=True
    )
    done.raise_for_status()
    assert look(shop, alice, intent_id).json()["status"] == "succeeded"
    assert owned(shop, alice) == [("skin_neon", 1, 299)]


def test_without_a_card_on_file_nothing_is_charged(shop: Shop, alice: User):
    answer = ask(shop, alice, off_session=True)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "no_saved_card")
    assert shop.stripe.get("payment_intents")["data"] == []
