"""What staff see of a subscription's life, and may do for its owner."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from billing.models import SubscriptionEvent
from billing.roles import make_roles
from sessions_live.models import User
from tests.billing.browsing import text
from tests.billing.conftest import Shop
from tests.billing.life import Life


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop.open("pain_tracker"), alice, "basic")


def staff(group: str) -> Client:
    make_roles()
    user = User.objects.create_user(f"{group}@example.org".lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def page(life: Life, decision: str = "") -> str:
    return f"/admin/billing/subscription/{life.row.pk}/" + (
        f"decide/{decision}/" if decision else "change/"
    )


def decide(client: Client, life: Life, decision: str, **fields: Any) -> str:
    shown = client.get(page(life, decision)).content.decode()
    key = re.search(r'name="key" value="([^"]+)"', shown)
    assert key
    told = {"key": key[1], "reason": "Asked for by phone", **fields}
    return text(client.post(page(life, decision), told, follow=True))


def test_support_extends_a_trial_with_a_reason(life: Life):
    ends = life.row.trial_end
    assert ends is not None
    client = staff("Support")
    until = ends + timedelta(days=7)
    seen = decide(client, life, "extend-trial", until=until.strftime("%Y-%m-%dT%H:%M"))
    assert "Done: extend the trial." in seen
    assert life.at_stripe["trial_end"] == int(until.replace(second=0).timestamp())
    event = SubscriptionEvent.objects.exclude(kind="began").get()
    assert (event.kind, event.by, event.reason) == ("trial_extended", "staff", "Asked for by phone")
    assert event.actor == User.objects.get(email="support@example.org")
    assert LogEntry.objects.get().change_message == "Extend the trial: Asked for by phone"


def test_a_trial_is_not_extended_into_the_past_or_for_ever(life: Life):
    client = staff("Support")
    for days in (-1, 400):
        ends = life.row.trial_end
        assert ends is not None
        until = ends + timedelta(days=days)
        seen = decide(client, life, "extend-trial", until=until.strftime("%Y-%m-%dT%H:%M"))
        assert "Nothing was done. A trial is extended to a later day" in seen


def test_finance_cancels_and_reactivates_and_the_history_tells(life: Life):
    client = staff("Finance")
    assert "Done: cancel at the period" in decide(client, life, "cancel")
    assert "Done: reactivate." in decide(client, life, "reactivate")
    seen = text(client.get(page(life)))
    assert "Canceled, to end on" in seen
    assert "The cancellation was taken back" in seen
    assert "Asked for by phone" in seen
    assert life.history() == [("canceled", "staff"), ("reactivated", "staff")]


def test_what_may_not_be_done_is_not_offered_and_refused(life: Life):
    client = staff("Finance")
    offered = text(client.get(page(life)))
    assert "Extend the trial…" in offered
    assert "Reactivate…" not in offered
    assert "there is nothing to take back" in text(client.get(page(life, "reactivate")))
    decide(client, life, "end")
    assert life.row.status == "canceled"
    offered = text(client.get(page(life)))
    assert "…" not in offered.split("History")[0].replace("Search…", "")


def test_whoever_may_only_look_decides_nothing(life: Life):
    client = staff("Auditor")
    assert client.get(page(life)).status_code == 200
    assert client.get(page(life, "end")).status_code == 403
    assert client.post(page(life, "end"), {"reason": "x"}).status_code == 403
    assert life.row.status == "trialing"


def test_the_history_begins_with_the_beginning(life: Life):
    seen = text(staff("Support").get(page(life)))
    assert "Basic ($9.99 per month) began" in seen
    began = SubscriptionEvent.objects.get()
    assert (began.at, began.by, began.actor) == (life.row.created_at, "customer", life.user)
    life.hear()
    life.do("cancel")
    browser = Client()
    browser.force_login(life.user)
    rows = text(browser.get("/subscription")).partition("What happened")[2]
    assert rows.index("Canceled") < rows.index("Basic ($9.99 per month) began")
