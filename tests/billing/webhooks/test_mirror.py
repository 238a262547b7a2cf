from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from djstripe import models as djstripe

from billing.webhooks.mirror import ATTEMPTS, drain_mirror
from billing.webhooks.models import WebhookEvent
from tests.billing.providers import stripe_objects as example
from tests.billing.providers.stripe_objects import event

pytestmark = pytest.mark.django_db
Status = WebhookEvent.Status


def inbox_row(told: dict[str, Any], **fields: Any) -> WebhookEvent:
    return WebhookEvent.objects.create(
        provider=fields.pop("provider", "stripe"),
        event_id=told["id"],
        type=told["type"],
        body=json.dumps(told),
        status=fields.pop("status", Status.PROCESSED),
        **fields,
    )


def poison() -> dict[str, Any]:
    return event("customer.updated", example.customer(created="yesterday"))


def test_what_took_effect_or_was_ignored_is_mirrored_once():
    inbox_row(event("customer.created", example.customer()))
    inbox_row(event("payout.paid", example.payout()), status=Status.IGNORED)
    assert drain_mirror() == 2
    assert drain_mirror() == 0
    assert djstripe.Customer.objects.get().email == "alice@example.com"
    assert djstripe.Payout.objects.exists()
    assert not WebhookEvent.objects.filter(mirrored_at=None).exists()


@pytest.mark.parametrize(
    "fields", [{"status": Status.RECEIVED}, {"status": Status.FAILED}, {"provider": "paddle"}]
)
def test_what_has_not_taken_effect_or_is_not_stripes_is_left(fields):
    row = inbox_row(event("customer.created", example.customer()), **fields)
    assert drain_mirror() == 0
    row.refresh_from_db()
    assert row.mirrored_at is None


def test_a_poison_event_waits_and_holds_nobody_up():
    bad = inbox_row(poison())
    inbox_row(event("product.created", example.product()))
    assert drain_mirror() == 2
    assert djstripe.Product.objects.exists()
    bad.refresh_from_db()
    assert bad.mirrored_at is None
    assert bad.mirror_attempts == 1
    assert "TypeError" in bad.mirror_error
    assert bad.mirror_due_at
    assert bad.mirror_due_at > timezone.now() + timedelta(seconds=5)
    assert drain_mirror() == 0


def test_what_failed_is_tried_again_later_and_given_up_in_the_end():
    row = inbox_row(poison())
    for attempt in range(1, ATTEMPTS + 1):
        WebhookEvent.objects.update(mirror_due_at=timezone.now())
        assert drain_mirror() == 1
        row.refresh_from_db()
        assert row.mirror_attempts == attempt
    assert row.mirror_due_at is None
    assert drain_mirror() == 0


def test_a_second_try_that_works_clears_the_error():
    row = inbox_row(poison())
    drain_mirror()
    WebhookEvent.objects.update(
        body=json.dumps(event("customer.updated", example.customer())),
        mirror_due_at=timezone.now(),
    )
    assert drain_mirror() == 1
    row.refresh_from_db()
    assert row.mirrored_at is not None
    assert row.mirror_error == ""


def test_no_more_is_taken_than_asked_for():
    for number in range(3):
        inbox_row(event("product.created", example.product(id=f"prod_{number}")))
    assert drain_mirror(limit=2) == 2
    assert WebhookEvent.objects.filter(mirrored_at=None).count() == 1


def test_a_row_that_the_door_inserted_without_naming_the_columns_is_due():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_webhookevent"
            " (provider, event_id, type, body, request_id, status, attempts, error)"
            " VALUES ('stripe', 'evt_1', 'product.created', %s, '', 'processed', 0, '')",
            [json.dumps(event("product.created", example.product()))],
        )
    assert drain_mirror() == 1
    assert djstripe.Product.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_event_that_another_worker_holds_is_left_to_it():
    held = inbox_row(event("customer.created", example.customer()))
    inbox_row(event("product.created", example.product()))
    taken: list[int] = []

    def other_worker() -> None:
        taken.append(drain_mirror())
        connection.close()

    with transaction.atomic():
        WebhookEvent.objects.select_for_update().get(pk=held.pk)
        other = threading.Thread(target=other_worker)
        other.start()
        other.join()
    assert taken == [1]
    assert djstripe.Product.objects.exists()
    assert not djstripe.Customer.objects.exists()
    assert drain_mirror() == 1
