"""People with a subscription, what they do with it, and the time that passes."""

from __future__ import annotations

from typing import Any

from tests.product import Person, Product

DAY = 86400


def do(person: Person, move: str, **body: Any) -> Any:
    answer = person.post(f"subscription/{move}", **body)
    assert answer.status_code == 200, answer.text
    person.wait_until_all_is_heard()
    return answer.json()


def refused(person: Person, move: str, **body: Any) -> str:
    answer = person.post(f"subscription/{move}", **body)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["errors"][0]["detail"])


def subscribed(product: Product, tier: str, **body: Any) -> Person:
    person = product.person()
    assert "no subscription" in refused(person, "cancel")
    product.stripe.pay(person.checkout(tier, **body)).raise_for_status()
    person.wait_until_all_is_heard()
    return person


def amounts(person: Person) -> list[int]:
    return [each["amount"] for each in person.get("payments")["results"]]


def use_card(person: Person, number: str) -> None:
    stripe = person.product.stripe
    stripe.control(f"customers/{person.customer}/card", card=number).raise_for_status()
    person.wait_until_all_is_heard()


def pass_days(person: Person, days: float) -> None:
    person.product.stripe.control("clock", advance_seconds=int(days * DAY)).raise_for_status()
    # Time passes for everybody whom the tests before have left there, too.
    person.wait_until_all_is_heard(within=80)


def mails_to(person: Person) -> list[str]:
    """What they were or will be told, but for who signed in."""
    told = """
        SELECT template FROM mails_mail
        WHERE "to" = %s AND status <> 'skipped' AND template <> 'new_device' ORDER BY 1
    """
    return [template for (template,) in person.product.rows(told, person.email)]


def history(person: Person) -> list[str]:
    """Of all their subscriptions since they began, oldest first: what the console and their own
    page tell."""
    told = """
        SELECT kind FROM billing_subscriptionevent e
        JOIN billing_subscription s ON s.id = e.subscription_id
        JOIN sessions_live_user u ON u.id = s.user_id
        WHERE u.email = %s AND e.kind <> 'began' ORDER BY e.at, e.id
    """
    return [kind for (kind,) in person.product.rows(told, person.email)]
