from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from billing.mails import outbox
from billing.models import Customer, Payment
from billing.webhooks.mirror import drain_mirror
from config.kit.redis_client import redis_client
from privacy.models import Erasure
from sessions_live.models import User
from tests.billing.conftest import Shop, shop  # noqa: F401 - a fixture

CATALOG = Path(__file__).with_name("shop.toml")
PASSWORD = "four wandering geese"
CLIENT: dict[str, Any] = {"REMOTE_ADDR": "198.51.100.77", "HTTP_USER_AGENT": "GeeseBrowser/7.7"}
ADDRESS = {
    "line1": "7 Gooseberry Hill",
    "city": "Ganderton",
    "postal_code": "G00 5E",
    "country": "GB",
}
# By each of these one would know her again.
IDENTIFIERS = (
    "griselda.goose@example.com",
    "Griselda Goose",
    "198.51.100.77",
    "GeeseBrowser",
    "Gooseberry",
    "Ganderton",
    "+44 1632 960077",
    "my goose diary",
    "feather count",
    "•••• 0002",
    '"last4": "4242"',
)


class Person:
    def __init__(self, shop: Shop) -> None:  # noqa: F811
        self.shop = shop
        self.user = shop.person(
            "griselda.goose@example.com", name="Griselda Goose", password=PASSWORD
        )
        self.api = self.sign_in()

    def sign_in(self) -> APIClient:
        body = {"email": self.user.email, "password": PASSWORD}
        answer = APIClient().post("/api/v1/auth/token", body, **CLIENT)
        assert answer.status_code == 200, answer.content
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}", **CLIENT)

    def live(self) -> None:
        """Everything that one can leave traces with."""
        shop = self.shop  # noqa: F811
        made = self.api.post("/api/v1/conversations", {"title": "my goose diary"})
        wish = {"tier": "pro", "success_url": "http://127.0.0.1:8000/?q=Gooseberry"}
        session = self.api.post(
            "/api/v1/checkout-sessions", {**wish, "conversation_id": made.json()["id"]}
        )
        assert session.status_code == 201, session.json()
        session = session.json()["session_id"]
        known: dict[str, Any] = {
            "email": self.user.email,
            "name": "Griselda Goose",
            "address": ADDRESS,
        }
        assert shop.stripe.pay(session, "4000000000000002", **known).status_code == 402
        shop.stripe.pay(session, **known).raise_for_status()
        shop.stripe.stripe.post(
            f"/v1/customers/{self.customer}",
            data={"name": "Griselda Goose", "phone": "+44 1632 960077"}
            | {f"address[{part}]": value for part, value in ADDRESS.items()},
        ).raise_for_status()
        shop.look_back(self.user, session)
        shop.hear()
        drain_mirror()
        used = {"usage_type": "entry", "metadata": {"note": "feather count"}}
        assert self.api.post("/api/v1/usage", used, format="json").status_code == 201
        made = self.api.post("/api/v1/api-keys", {"name": "my goose diary"})
        assert made.status_code == 201, made.json()
        LogEntry.objects.create(
            user=shop.person("staff@example.com", is_staff=True),
            object_repr=str(self.user),
            object_id=str(self.user.pk),
            action_flag=2,
            change_message="Looked at griselda.goose@example.com",
        )
        outbox.send_due()

    @property
    def customer(self) -> str:
        return str(Customer.objects.get(user=self.user).provider_id)

    def leave(self, **body: Any) -> Any:
        return self.api.delete("/api/v1/me", {"password": PASSWORD, **body})

    @property
    def erasure(self) -> Erasure:
        return Erasure.objects.get(user=self.user)


@pytest.fixture
def person(shop: Shop) -> Person:  # noqa: F811
    redis_client().flushdb()
    return Person(shop.open(str(CATALOG)))


def go_on(person: Person, rounds: int = 3) -> str:
    """As the workers do, some time later each time."""
    for _ in range(rounds):
        Erasure.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        call_command("sweep", "--json")
        person.shop.hear()
        drain_mirror()
        outbox.send_due()
    return str(person.erasure.status)


# Whom an invoice was made out to stays on it, by law.
INVOICED = ("billing_invoice", ("Griselda Goose", "Gooseberry", "Ganderton"))


def traces(words: tuple[str, ...] = IDENTIFIERS) -> dict[str, list[str]]:
    """Table → which identifiers a dump of it shows, but for what the law keeps."""
    # As a row is written, with its quotes doubled.
    like = {"%" + word.replace('"', '""') + "%": word for word in words}
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            looked = f"SELECT FROM {connection.ops.quote_name(table)} r WHERE r::text ILIKE w"
            cursor.execute(f"SELECT w FROM unnest(%s::text[]) w WHERE EXISTS ({looked})", [[*like]])
            seen = [like[pattern] for (pattern,) in cursor.fetchall()]
            left = [word for word in seen if table != INVOICED[0] or word not in INVOICED[1]]
            if left:
                found[table] = left
    return found


def payments_of(user: User) -> list[tuple[Any, ...]]:
    return list(Payment.objects.filter(user=user).values_list("amount", "currency", "status"))
