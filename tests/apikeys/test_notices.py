from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apikeys.models import APIKey
from billing import sweeping
from billing.mails.models import Mail
from sessions_live.models import User
from tests.apikeys.conftest import lose_access, signed_in

DOOR = "/api/v1/api-keys"


@pytest.fixture
def key(owner: User) -> APIKey:
    """Made by its owner for a year."""
    ends = timezone.now() + timedelta(days=365)
    asked = {"name": "Importer", "expires_at": ends.isoformat()}
    made = signed_in(owner).post(DOOR, asked)
    return APIKey.objects.get(pk=made.json()["id"])


def ends_in(key: APIKey, **span: Any) -> datetime:
    """As if the year was nearly over."""
    at = timezone.now() + timedelta(**span)
    life = timedelta(days=365)
    APIKey.objects.filter(pk=key.pk).update(expires_at=at, created_at=at - life)
    return at


def warned() -> list[int]:
    mails = Mail.objects.filter(template="key_expiring").order_by("pk")
    return [mail.context["days"] for mail in mails]


def test_the_end_of_a_key_is_told_30_7_and_1_days_before_once_each(key: APIKey):
    for days in (31, 30, 29, 8, 7, 6, 2, 1):
        ends_in(key, days=days)
        sweeping.sweep()
        sweeping.sweep()
    ends_in(key, hours=-1)
    sweeping.sweep()
    assert warned() == [30, 7, 1]


def test_the_mail_names_the_key_and_holds_no_secret(key: APIKey):
    ends = ends_in(key, days=7)
    sweeping.sweep()
    mail = Mail.objects.get(template="key_expiring")
    assert (mail.to, mail.good_until) == ("owner@example.com", ends)
    assert mail.context["name"] == "Importer"
    assert mail.context["prefix"] == key.prefix
    assert len(mail.context["prefix"]) == 20


def test_who_looks_late_warns_of_the_nearest_day_only(key: APIKey):
    ends_in(key, hours=12)
    sweeping.sweep()
    assert warned() == [1]


def test_a_revoked_key_is_not_warned_of(key: APIKey, owner: User):
    ends_in(key, days=7)
    signed_in(owner).delete(f"{DOOR}/{key.pk}")
    sweeping.sweep()
    assert warned() == []


def test_a_rotated_key_is_not_warned_of_but_its_successor_is(key: APIKey, owner: User):
    ends_in(key, days=7)
    rotated = signed_in(owner).post(f"{DOOR}/{key.pk}/rotate", {"grace_seconds": 86_400})
    sweeping.sweep()
    assert warned() == []
    ends_in(APIKey.objects.get(pk=rotated.json()["id"]), days=30)
    sweeping.sweep()
    assert warned() == [30]


def test_a_key_that_was_made_for_a_week_is_warned_of_on_its_last_day_only(owner: User):
    ends = timezone.now() + timedelta(days=7)
    signed_in(owner).post(DOOR, {"name": "Week", "expires_at": ends.isoformat()})
    sweeping.sweep()
    assert warned() == []


def test_a_key_that_has_no_end_or_does_not_work_is_not_warned_of(key: APIKey, owner: User):
    signed_in(owner).post(DOOR, {"name": "Forever"})
    ends_in(key, days=7)
    lose_access(owner)
    sweeping.sweep()
    assert warned() == []
