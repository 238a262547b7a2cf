from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from billing.usage.corrections import BelowZero, correct, last_correction
from billing.usage.models import Correction, Counter, DailyUsage, Threshold, UsageEvent
from config.kit.states import StaleState
from sessions_live.models import User
from tests.billing.usage.conftest import Meters
from tests.billing.usage.test_metering import at_once


@pytest.fixture
def counter(meters: Meters, alice: User) -> Counter:
    meters.use(alice, amount=5)
    return Counter.objects.get()


@pytest.fixture
def carol(meters: Meters) -> User:
    return meters.person("carol@example.com", password="demo", is_staff=True)


def console(user: User, *groups: str) -> Client:
    user.groups.set(Group.objects.filter(name__in=groups))
    browser = Client()
    signed_in = browser.post("/sign-in", {"username": user.email, "password": "demo"})
    assert signed_in.status_code == 302
    return browser


def test_a_correction_frees_what_was_counted_wrongly(
    meters: Meters, alice: User, carol: User, counter: Counter
):
    assert meters.use(alice).status_code == 402
    made = correct(counter, amount=-2, reason="double import", by=carol, seen=0)
    assert (made.used, made.by, made.reason) == (3, carol, "double import")
    assert meters.use(alice).json()["used"] == 4
    assert DailyUsage.objects.get().amount == 4
    assert UsageEvent.objects.count() == 2


def test_less_than_nothing_was_never_used(carol: User, counter: Counter):
    with pytest.raises(BelowZero):
        correct(counter, amount=-6, reason="too much", by=carol, seen=0)
    assert not Correction.objects.exists()


def test_a_correction_upwards_can_reach_a_threshold(meters: Meters, alice: User, carol: User):
    meters.use(alice, amount=3)
    correct(Counter.objects.get(), amount=1, reason="lost event", by=carol, seen=0)
    assert Threshold.objects.get().percent == 80


def test_nobody_is_told_that_nothing_is_used_up(meters: Meters, alice: User, carol: User):
    meters.use(alice, amount=3)
    meters.put_on(alice, "", overrides={"entry": (0, None)})
    correct(Counter.objects.get(), amount=-3, reason="test data", by=carol, seen=0)
    assert not Threshold.objects.exists()


def test_of_two_who_correct_what_both_saw_only_one_does(carol: User, counter: Counter):
    ends = at_once(8, lambda: correct(counter, amount=-1, reason="r", by=carol, seen=0))
    assert ends == {"Correction": 1, "StaleState": 7}
    with pytest.raises(StaleState):
        correct(counter, amount=-1, reason="r", by=carol, seen=0)
    correct(counter, amount=-1, reason="r", by=carol, seen=last_correction(counter))
    assert Counter.objects.get().used == 3


@pytest.mark.parametrize(
    "change", ["UPDATE usage_correction SET amount = 1", "DELETE FROM usage_correction"]
)
def test_the_database_keeps_corrections(carol: User, counter: Counter, change: str):
    correct(counter, amount=-1, reason="r", by=carol, seen=0)
    with pytest.raises(ProgrammingError, match="kept as they are"), transaction.atomic():
        connection.cursor().execute(change)


def test_finance_corrects_on_a_page_of_its_own(carol: User, counter: Counter):
    browser, path = console(carol, "Finance"), f"/admin/usage/counter/{counter.pk}/correct/"
    assert "alice@example.com" in browser.get(path).content.decode()
    told = {"amount": "-2", "reason": "double import", "seen": "0"}
    browser.post(path, told)
    assert Counter.objects.get().used == 3
    again = browser.post(path, told, follow=True)
    assert "Nothing was done" in again.content.decode()
    assert Counter.objects.get().used == 3
    detail = browser.get(f"/admin/usage/counter/{counter.pk}/change/").content.decode()
    assert "double import" in detail
    assert "Correct…" in detail


def test_who_corrects_sees_the_quota_that_it_is_about(
    meters: Meters, alice: User, carol: User, counter: Counter
):
    browser, path = console(carol, "Finance"), f"/admin/usage/counter/{counter.pk}"

    def both_say(words: str) -> bool:
        pages = [browser.get(f"{path}/{name}/").content.decode() for name in ("change", "correct")]
        return all(words in page for page in pages)

    for limit, words in ((8, "8, 3 left, until"), (4, "4, 1 over, until"), (None, "No limit.")):
        meters.put_on(alice, "", overrides={"entry": (limit, None)})
        assert both_say(words)
    Counter.objects.update(period_start=counter.period_start - timedelta(days=40))
    assert both_say("None: the period is over")


@pytest.mark.parametrize("told", [{"amount": "0"}, {"amount": ""}, {"reason": ""}, {"seen": "x"}])
def test_a_form_that_says_too_little_does_nothing(carol: User, counter: Counter, told: dict):
    browser, path = console(carol, "Finance"), f"/admin/usage/counter/{counter.pk}/correct/"
    answer = browser.post(path, {"amount": "-1", "reason": "r", "seen": "0", **told})
    assert answer.status_code == 200
    assert Counter.objects.get().used == 5


@pytest.mark.parametrize("group", ["Support", "Auditor"])
def test_others_of_the_staff_see_and_do_not_correct(carol: User, counter: Counter, group: str):
    browser, path = console(carol, group), f"/admin/usage/counter/{counter.pk}/"
    assert "Correct…" not in browser.get(f"{path}change/").content.decode()
    for answer in (browser.get(f"{path}correct/"), browser.post(f"{path}correct/", {})):
        assert answer.status_code == 403


def test_customers_and_strangers_do_not_get_in(meters: Meters, counter: Counter, client: Client):
    path = f"/admin/usage/counter/{counter.pk}/correct/"
    assert client.get(path).status_code == 302
    customer = meters.person("dan@example.com", password="demo")
    assert console(customer).get(path).status_code == 302


@pytest.mark.parametrize(
    "name", ["counter", "usageevent", "threshold", "correction", "allowance", "quotaset"]
)
def test_auditors_see_every_list(carol: User, counter: Counter, name: str):
    correct(counter, amount=-1, reason="r", by=carol, seen=0)
    browser = console(carol, "Auditor")
    assert browser.get(f"/admin/usage/{name}/").status_code == 200
    assert browser.get(f"/admin/usage/{name}/?q=alice@example.com").status_code == 200
