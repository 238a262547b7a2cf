"""Keys come with the first payment and follow the plan from then on."""

from __future__ import annotations

import random
import threading
from contextlib import suppress

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apikeys.access import PaymentRequired, give_keys
from apikeys.finding import find_usable_key
from apikeys.keys import create_key
from apikeys.models import APIKey
from billing import sweeping
from billing.entitlements import grant, revoke
from billing.models import Entitlement, Order, Plan, Subscription
from billing.webhooks import inbox
from config.kit.ids import new_id
from sessions_live.models import User
from tests.apikeys.conftest import Shop, bearer, first_key, lose_access, regain_access, revealed
from tests.billing.conftest import unfinished
from tests.stripe_events import deliver


def works(secret: str) -> bool:
    return bearer(secret).get("/api/v1/entitlements").status_code == 200


def test_the_first_payment_makes_a_key_that_has_no_secret_yet(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    shop.hear()
    key = first_key(alice)
    assert (key.name, key.status, key.key_hash, key.prefix) == (
        "Auto-generated from payment",
        "unrevealed",
        None,
        "",
    )
    assert shop.look_back(alice, session_id).json()["api_key_id"] == key.pk


def test_the_return_page_alone_names_the_key(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    assert shop.look_back(alice, session_id).json()["api_key_id"] == first_key(alice).pk


def test_before_it_is_paid_there_is_none(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    assert shop.look_back(alice, session_id).json()["api_key_id"] is None
    assert not APIKey.objects.exists()


def test_a_conversation_paid_makes_it_and_the_next_one_makes_none(shop: Shop, alice: User):
    shop.open("conversations")
    api, made = shop.client(alice), []
    for title in ("On tides", "On moons"):
        begun = api.post("/api/v1/conversations", {"title": title}).json()
        wish = {"conversation_id": begun["id"], "tier": "conversation"}
        session_id = api.post("/api/v1/payment-links", wish).json()["session_id"]
        shop.stripe.pay(session_id).raise_for_status()
        shop.hear()
        made.append(shop.look_back(alice, session_id).json()["api_key_id"])
    assert made == [first_key(alice).pk, None], unfinished()


@pytest.mark.parametrize("seed", range(4))
def test_duplicates_in_any_order_make_one_key(shop: Shop, alice: User, seed: int):
    shop.buy(alice)
    happened = shop.stripe.events() * 2
    random.Random(seed).shuffle(happened)
    shop.hear(*happened)
    assert APIKey.objects.count() == 1, unfinished()
    assert Order.objects.get().api_key_id == first_key(alice).pk


def test_the_webhook_and_the_return_page_at_once_make_one_key(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    for each in shop.stripe.events():
        deliver(each)

    def worker() -> None:
        inbox.drain()
        connection.close()

    def returned() -> None:
        shop.look_back(alice, session_id)
        connection.close()

    threads = [threading.Thread(target=each) for each in (worker, returned, worker, returned)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inbox.drain()
    assert APIKey.objects.count() == 1, unfinished()


@pytest.mark.django_db
def test_the_database_allows_one_key_by_payment_per_person(owner: User):
    with pytest.raises(IntegrityError), transaction.atomic():
        APIKey.objects.create(user=owner, name="again", status="unrevealed", from_payment=True)
    give_keys(owner, None, Plan.objects.get())
    assert APIKey.objects.filter(user=owner).count() == 1


def test_a_subscription_that_ends_suspends_the_keys(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    secret = revealed(alice)
    assert works(secret)
    subscription = Subscription.objects.get()
    shop.stripe.stripe.delete(f"/v1/subscriptions/{subscription.provider_id}").raise_for_status()
    shop.hear()
    assert first_key(alice).status == "suspended", unfinished()
    assert not works(secret)


def test_keys_work_again_with_access(owner: User):
    secret = create_key(owner, name="Importer").secret
    lose_access(owner)
    assert not works(secret)
    assert APIKey.objects.get(name="Importer").status == "suspended"
    regain_access(owner)
    assert works(secret)
    assert APIKey.objects.get(name="Importer").status == "active"


def test_one_of_two_plans_is_enough(owner: User, plan):
    secret = create_key(owner, name="Importer").secret
    first = Entitlement.objects.get(user=owner)
    grant(user=owner, plan=plan, source=f"order:{new_id()}")
    revoke(source=first.source, reason="refunded")
    assert works(secret)


def test_what_was_revoked_stays_revoked_when_access_returns(owner: User):
    create_key(owner, name="Importer")
    APIKey.objects.filter(name="Importer").update(status="revoked")
    lose_access(owner)
    regain_access(owner)
    assert APIKey.objects.get(name="Importer").status == "revoked"


def test_a_key_that_was_not_revealed_waits_for_access(owner: User):
    lose_access(owner)
    assert first_key(owner).status == "unrevealed"


def test_access_that_ran_out_ends_keys_at_that_moment(owner: User):
    secret = create_key(owner, name="Importer").secret
    Entitlement.objects.update(expires_at=timezone.now())
    assert find_usable_key(secret, timezone.now()) is None
    assert APIKey.objects.get(name="Importer").status == "active"
    sweeping.sweep()
    assert APIKey.objects.get(name="Importer").status == "suspended"


@pytest.mark.django_db(transaction=True)
def test_no_key_is_made_while_access_is_being_lost(owner: User):
    """Whichever is first: a key that is made is suspended with the others, or not made at all."""
    begun, done = threading.Barrier(2), []

    def losing() -> None:
        with transaction.atomic():
            begun.wait()
            lose_access(owner)
        connection.close()

    def making() -> None:
        begun.wait()
        with suppress(PaymentRequired):
            done.append(create_key(owner, name="late").secret)
        connection.close()

    threads = [threading.Thread(target=each) for each in (losing, making)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not APIKey.objects.filter(status="active").exists()
    assert not any(works(secret) for secret in done)
