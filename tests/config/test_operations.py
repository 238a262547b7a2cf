from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from billing.mails.models import Mail
from billing.webhooks.models import WebhookEvent, WorkerBeat
from sessions_live.models import User

pytestmark = pytest.mark.django_db


def beat(*, ago: float = 0) -> None:
    WorkerBeat.objects.create(name="w", at=timezone.now() - timedelta(seconds=ago))


def store(**fields: object) -> WebhookEvent:
    return WebhookEvent.objects.create(
        provider="stripe", event_id="evt_1", type="invoice.paid", body="{}", **fields
    )


def test_probes_answer_whoever_asks_under_whatever_name(client: Client):
    with override_settings(ALLOWED_HOSTS=["billing.example.com"], SECURE_SSL_REDIRECT=True):
        answer = client.get("/healthz", headers={"Host": "10.0.0.7:8000"})
    assert answer.status_code == 200


def test_ready_when_all_parts_answer(client: Client):
    beat()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "database": "ok",
        "redis": "ok",
        "worker": "ok",
        "inbox_lag_seconds": 0,
    }


def test_not_ready_when_no_worker_has_been_heard(client: Client):
    beat(ago=60)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["worker"]) == (503, "down")


def test_the_lag_is_the_age_of_the_oldest_event_that_waits(client: Client):
    beat()
    store(received_at=timezone.now() - timedelta(seconds=30))
    assert 30 <= client.get("/readyz").json()["inbox_lag_seconds"] < 40


def test_metrics_count_requests_by_route_and_say_nothing_about_anyone(client: Client):
    store(status=WebhookEvent.Status.FAILED)
    client.get("/api/v1/payments/12345678")
    shown = client.get("/metrics").content.decode()
    assert 'inbox_events{status="failed"} 1.0' in shown
    assert "database_up 1.0" in shown
    assert "http_request_seconds_bucket" in shown
    assert "12345678" not in shown


def test_metrics_count_the_mails_that_wait_and_those_given_up(client: Client):
    user = User.objects.create_user("alice@example.com")
    for number, status in enumerate(("queued", "queued", "sending", "failed", "sent", "skipped")):
        Mail.objects.create(user=user, key=f"receipt:{number}", template="receipt", status=status)
    shown = client.get("/metrics").content.decode()
    told = [line for line in shown.splitlines() if line.startswith("mails{")]
    assert told == [
        'mails{status="queued"} 2.0',
        'mails{status="sending"} 1.0',
        'mails{status="failed"} 1.0',
    ]


def test_metrics_ask_for_their_token_where_there_is_one(client: Client, settings):
    settings.METRICS_TOKEN = "a-token"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200


def test_the_schema_answers_json_and_yaml(client: Client):
    schema = json.loads(client.get("/api/schema?format=json").content)
    assert schema["openapi"].startswith("3.")
    assert "/api/v1/checkout-sessions" in schema["paths"]
    assert client.get("/api/schema").headers["Content-Type"].startswith("application/vnd.oai")


def test_the_documentation_needs_no_inline_code_and_no_other_host(client: Client):
    page = client.get("/api/docs").content.decode()
    assert "//cdn" not in page
    assert "<style" not in page
    assert "<script>" not in page
