"""A renewal that fails, from outside: what goes on, what stops, and how it comes back."""

from __future__ import annotations

from tests.journeys.subscribers import do, mails_to, pass_days, subscribed, use_card
from tests.product import Person, Product, caller

DECLINED, GOOD = "4000000000000341", "4242424242424242"
END_OF_GRACE = """
UPDATE billing_entitlement SET expires_at = now() WHERE revoked_at IS NULL AND user_id =
    (SELECT id FROM sessions_live_user WHERE email = %s) RETURNING id
"""


def first_key(buyer: Person) -> str:
    (listed,) = buyer.get("api-keys")["keys"]
    return str(buyer.post(f"api-keys/{listed['id']}/reveal").json()["key"])


def key_status(buyer: Person) -> str:
    (listed,) = buyer.get("api-keys")["keys"]
    return str(listed["status"])


def test_keys_stop_with_the_grace_and_work_again_once_it_is_paid(product: Product):
    buyer = subscribed(product, "pro")
    program = caller(product.url, Authorization=f"Bearer {first_key(buyer)}")

    def answers() -> set[int]:
        return {program.get("/api/v1/entitlements").status_code for _ in range(6)}

    use_card(buyer, DECLINED)
    pass_days(buyer, 31.1)
    late = buyer.get("subscription")
    assert (late["status"], late["grace_until"] is None) == ("past_due", False)
    assert (answers(), key_status(buyer)) == ({200}, "active")

    # The grace ends by the clock on the wall, which the sandbox cannot move.
    assert product.rows(END_OF_GRACE, buyer.email)
    product.manage("sweep")
    assert buyer.get("entitlements")["access"] is False
    assert (answers(), key_status(buyer)) == ({401}, "suspended")
    assert buyer.post("api-keys", name="Another").status_code == 403

    assert buyer.post("subscription/pay").status_code == 402
    use_card(buyer, GOOD)
    assert do(buyer, "pay")["status"] == "paid"
    assert buyer.get("subscription")["status"] == "active"
    assert buyer.get("entitlements")["access"] is True
    assert (answers(), key_status(buyer)) == ({200}, "active")


def test_after_the_last_try_it_ends_and_another_one_may_begin(product: Product):
    buyer = subscribed(product, "pro")
    use_card(buyer, DECLINED)
    pass_days(buyer, 31.1)
    for days in (3.1, 5.1, 7.1):
        pass_days(buyer, days)
    assert buyer.get("subscription")["status"] == "canceled"
    assert buyer.get("entitlements")["access"] is False
    failed = buyer.get("payments")["results"][0]
    tried = buyer.get(f"payments/{failed['id']}")["attempts"]
    assert [each["decline_code"] for each in tried] == ["generic_decline"] * 4
    assert mails_to(buyer) == ["access_ended", "key_ready", "payment_failed", "receipt", "welcome"]
    use_card(buyer, GOOD)
    product.stripe.pay(buyer.checkout("pro")).raise_for_status()
    buyer.wait_until_all_is_heard()
    assert buyer.get("entitlements")["access"] is True
