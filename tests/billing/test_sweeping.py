from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from apikeys.keys import create_key
from apikeys.models import APIKey
from billing import sweeping
from billing.entitlements import grant
from billing.mails.models import Mail
from billing.models import Entitlement, Invoice, Order, Plan
from billing.signals import swept
from billing.usage.models import Threshold
from config.kit.ids import new_id
from config.kit.redis_client import redis_client
from sessions_live.models import User
from tests.billing.conftest import Shop

Forbid = Callable[[type, str], None]


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    redis_client().flushdb()


@pytest.fixture
def forbid(transactional_db: None) -> Iterator[Forbid]:
    """Makes the database refuse some rows: a fault that none of our rules expects."""
    made: list[str] = []

    def run(*statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def forbid(model: Any, when: str) -> None:
        table = model._meta.db_table
        made.append(table)
        run(
            "CREATE OR REPLACE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'a stone in the way'; END $$",
            f"CREATE TRIGGER stone BEFORE INSERT OR UPDATE ON {table}"
            f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION stumble()",
        )

    yield forbid
    run(*(f"DROP TRIGGER stone ON {table}" for table in made), "DROP FUNCTION IF EXISTS stumble()")


@pytest.fixture
def fault_above() -> Iterator[None]:
    def stumble(**_: Any) -> dict[str, int]:
        raise RuntimeError("a stone in the way")

    swept.connect(stumble)
    yield
    swept.disconnect(stumble)


def stumbled() -> sweeping.Stumbled:
    with pytest.raises(sweeping.Stumbled) as raised:
        sweeping.sweep()
    return raised.value


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.__dict__["part"] for each in caplog.records if each.name == "alarm"]


def with_thresholds(*people: User) -> None:
    now = timezone.now()
    Threshold.objects.bulk_create(
        Threshold(
            user=user, usage_type="entry", percent=80, period_start=now, used=4, limit=5,
            at=now,
        )
        for user in people
    )  # fmt: skip


# --- parts ----------------------------------------------------------------------------------------
def test_a_fault_in_one_part_leaves_the_others_their_turn(
    shop: Shop, alice: User, forbid: Forbid, caplog: pytest.LogCaptureFixture
):
    shop.buy(alice, "lifetime")
    shop.hear()
    with_thresholds(alice)
    forbid(Invoice, "NEW.kind = 'receipt'")
    result = stumbled()
    assert result.failed == ["receipts_written"]
    assert "receipts_written" not in result.found
    assert result.found["ledger_changes_folded"] == 2
    assert result.found["thresholds_told"] == 1
    assert set(result.found) >= {"events_waiting", "operations_open", "key_ends_told"}
    (told,) = [each for each in caplog.records if each.name == "billing.sweeping"]
    assert told.getMessage() == "sweep stumbled over receipts_written"
    assert told.exc_info
    assert alarms(caplog) == ["receipts_written"]


def test_the_alarm_rings_once_an_hour_and_each_sweep_fails(
    shop: Shop, fault_above: None, caplog: pytest.LogCaptureFixture
):
    assert [stumbled().failed for _ in range(3)] == [[f"{__name__}.stumble"]] * 3
    assert alarms(caplog) == [f"{__name__}.stumble"]


def test_the_command_names_what_failed_and_shows_what_was_found(
    shop: Shop, fault_above: None, forbid: Forbid, alice: User
):
    with_thresholds(alice)
    forbid(Mail, "true")
    said = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("sweep", "--json", stdout=said)
    assert f"failed: thresholds_told, {__name__}.stumble." in str(failed.value)
    found = json.loads(said.getvalue())
    assert found["key_ends_told"] == 0
    assert "thresholds_told" not in found


def test_without_a_fault_the_command_ends_well(shop: Shop, caplog: pytest.LogCaptureFixture):
    said = StringIO()
    call_command("sweep", stdout=said)
    assert "thresholds told: 0\n" in said.getvalue()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


# --- rows -----------------------------------------------------------------------------------------
def receipts(shop: Shop, first: User, second: User) -> tuple[type, str]:
    for each in (first, second):
        shop.buy(each, "lifetime")
    shop.hear()
    return Invoice, f"NEW.user_id = {first.pk}"


def rights(shop: Shop, first: User, second: User) -> tuple[type, str]:
    plan, over = Plan.objects.get(tier="pro"), timezone.now() - timedelta(seconds=1)
    for each in (first, second):
        grant(user=each, plan=plan, source=f"order:{new_id()}", expires_at=over)
    return Entitlement, f"NEW.user_id = {first.pk}"


def quotas(shop: Shop, first: User, second: User) -> tuple[type, str]:
    with_thresholds(first, second)
    return Mail, f"NEW.user_id = {first.pk}"


def keys(shop: Shop, first: User, second: User) -> tuple[type, str]:
    ends = timezone.now() + timedelta(days=5)
    for each in (first, second):
        grant(user=each, plan=Plan.objects.get(tier="pro"), source=f"order:{new_id()}")
        create_key(each, name="Importer")
    APIKey.objects.update(expires_at=ends, created_at=ends - timedelta(days=365))
    return Mail, f"NEW.user_id = {first.pk}"


def checkouts(shop: Shop, first: User, second: User) -> tuple[type, str]:
    for each in (first, second):
        shop.buy(each, "lifetime")
    for order in Order.objects.all():
        order.created_at -= 2 * sweeping.QUIET
        order.save()
    return Entitlement, f"NEW.user_id = {first.pk}"


def mails(template: str) -> Callable[[User], Any]:
    return lambda user: Mail.objects.filter(template=template, user=user)


@pytest.mark.parametrize(
    ("arrange", "part", "done"),
    [
        (receipts, "receipts_written", lambda user: Invoice.objects.filter(user=user)),
        (rights, "grace_ended", lambda user: user.entitlements.exclude(revoked_at=None)),
        (quotas, "thresholds_told", mails("usage_threshold")),
        (keys, "apikeys.receivers.warn_of_expiry", mails("key_expiring")),
        (checkouts, "checkouts_asked", lambda user: user.orders.filter(status="completed")),
    ],
    ids=["receipt", "right", "quota", "key", "checkout"],
)
def test_a_row_that_cannot_be_done_does_not_hold_up_those_after_it(
    shop: Shop, alice: User, bob: User, forbid: Forbid, caplog, arrange, part, done
):
    forbid(*arrange(shop, alice, bob))
    assert stumbled().failed == [part]
    assert not done(alice).exists()
    assert done(bob).exists()
    assert alarms(caplog) == [part]
