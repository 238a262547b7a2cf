from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing.usage.models import DailyUsage
from sessions_live.models import User
from tests.billing.usage.conftest import Meters


def test_every_quota_of_the_plan_is_reported_used_or_not(meters: Meters, alice: User, bob: User):
    meters.use(alice, amount=2)
    meters.use(bob, amount=5)
    rows = meters.client(alice).get("/api/v1/usage").json()
    told = [(row["usage_type"], row["used"], row["limit"], row["remaining"]) for row in rows]
    assert told == [("entry", 2, 5, 3), ("export", 0, 1, 1), ("storage", 0, 10, 10)]


def test_what_was_used_in_another_period_is_not_of_this_one(meters: Meters, alice: User):
    late = timezone.now() - timedelta(days=33)
    meters.use(alice, timestamp=late.isoformat())
    assert meters.client(alice).get("/api/v1/usage").json()[0]["used"] == 0


def test_the_history_is_by_day_newest_first(meters: Meters, alice: User, bob: User):
    today = timezone.now().date()
    for back, amount in ((0, 1), (1, 2), (40, 3)):
        day = today - timedelta(days=back)
        DailyUsage.objects.create(user=alice, usage_type="entry", day=day, amount=amount)
    DailyUsage.objects.create(user=bob, usage_type="entry", day=today, amount=9)
    api = meters.client(alice)
    amounts = [row["amount"] for row in api.get("/api/v1/usage/history").json()]
    assert amounts == [1, 2]
    assert len(api.get("/api/v1/usage/history?days=60&usage_type=entry").json()) == 3
    assert api.get("/api/v1/usage/history?usage_type=export").json() == []


@pytest.mark.parametrize("query", ["days=0", "days=367", "days=x", "user=1"])
def test_a_malformed_question_is_refused(meters: Meters, alice: User, query: str):
    assert meters.client(alice).get(f"/api/v1/usage/history?{query}").status_code == 400


@pytest.fixture
def browser(meters: Meters, alice: User) -> Client:
    alice.set_password("demo")
    alice.save()
    browser = Client()
    answer = browser.post("/sign-in", {"username": "alice@example.com", "password": "demo"})
    assert answer.status_code == 302
    return browser


def test_the_pages_show_bars_with_their_words(meters: Meters, alice: User, browser: Client):
    meters.use(alice, amount=4)
    meters.use(alice, "storage", amount=1234)
    for path in ("/", "/usage"):
        page = browser.get(path).content.decode()
        assert "4 of 5 used" in page
        assert "1,234 of 10 used, 1,224 over" in page
        assert '<meter aria-labelledby="usage-entry" min="0" max="5" high="4"' in page
    assert timezone.now().strftime("%B %Y") in page


def test_signed_out_people_are_sent_to_sign_in(meters: Meters, client: Client):
    assert client.get("/usage").headers["Location"].startswith("/sign-in")
