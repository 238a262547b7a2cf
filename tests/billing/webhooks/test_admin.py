from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from tests.billing.staff import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return staff(is_superuser=True)


@pytest.fixture
def failed() -> WebhookEvent:
    return WebhookEvent.objects.create(
        provider="stripe",
        event_id="evt_1",
        type="invoice.paid",
        body='{"id": "evt_1", "amount": 97}',
        status="failed",
        attempts=5,
        error="Traceback: <boom>",
    )


def replay_page(event: WebhookEvent) -> str:
    return f"/admin/webhooks/webhookevent/{event.pk}/replay/"


def press(client: Client, event: WebhookEvent) -> Any:
    """Opens the page and presses its button, as it was shown."""
    page = client.get(replay_page(event))
    return lambda: client.post(replay_page(event), {"seen": page.context["seen"]}, follow=True)


def test_an_event_shows_its_payload_and_its_error(admin: Client, failed: WebhookEvent):
    page = admin.get(f"/admin/webhooks/webhookevent/{failed.pk}/change/").content.decode()
    assert "&quot;amount&quot;: 97" in page
    assert "Traceback: &lt;boom&gt;" in page


def test_the_page_alone_does_nothing(admin: Client, failed: WebhookEvent):
    assert admin.get(replay_page(failed)).status_code == 200
    failed.refresh_from_db()
    assert (failed.status, failed.attempts) == ("failed", 5)


def test_its_button_puts_the_event_back_and_says_who_did(admin: Client, failed: WebhookEvent):
    answer = press(admin, failed)()
    failed.refresh_from_db()
    assert (failed.status, failed.attempts, failed.error) == ("received", 0, "")
    assert "back in the inbox" in answer.content.decode()
    entry = LogEntry.objects.get()
    assert (entry.user.email, entry.object_id) == ("admin@example.org", str(failed.pk))


def test_a_second_press_changes_nothing_and_says_so(admin: Client, failed: WebhookEvent):
    first_tab, second_tab = press(admin, failed), press(admin, failed)
    first_tab()
    answer = second_tab()
    assert "Nothing was done. The event changed while you looked" in answer.content.decode()
    assert LogEntry.objects.count() == 1


def test_an_event_that_was_processed_meanwhile_is_left_alone(admin: Client, failed: WebhookEvent):
    button = press(admin, failed)
    WebhookEvent.objects.update(status="processed", attempts=6, processed_at=timezone.now())
    assert "It is processed now, after 6 attempts" in button().content.decode()
    failed.refresh_from_db()
    assert failed.status == "processed"


def test_an_event_that_waits_needs_no_button(admin: Client, failed: WebhookEvent):
    inbox.replay(failed)
    page = admin.get(replay_page(failed)).content.decode()
    assert "It waits in the inbox already" in page
    assert 'name="seen"' not in page


@pytest.mark.parametrize(
    ("group", "status"), [("Support", 403), ("Auditor", 403), ("Finance", 200)]
)
def test_only_who_answers_for_money_may_replay(group: str, status: int, failed: WebhookEvent):
    client = staff(group)
    page = client.get(f"/admin/webhooks/webhookevent/{failed.pk}/change/").content.decode()
    assert ("Process again" in page) == (status == 200)
    assert client.get(replay_page(failed)).status_code == status
    seen = f"{failed.status}:{failed.attempts}:{failed.processed_at}"
    assert client.post(replay_page(failed), {"seen": seen}, follow=True).status_code == status
    failed.refresh_from_db()
    assert (failed.status == "received") == (status == 200)


def test_an_event_that_is_not_there_is_not_found(admin: Client):
    assert admin.get("/admin/webhooks/webhookevent/99999/replay/").status_code == 404
