from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from billing import sweeping
from billing.mails import outbox
from billing.mails.models import Mail
from billing.usage.models import Threshold
from sessions_live.models import User
from tests.billing.usage.conftest import Meters


def told() -> list[tuple[int, int, int]]:
    mails = Mail.objects.filter(template="usage_threshold").order_by("pk")
    return [tuple(mail.context[name] for name in ("percent", "used", "limit")) for mail in mails]


def test_each_threshold_is_mailed_once_in_a_period(meters: Meters, alice: User):
    for _ in range(5):
        meters.use(alice)
        sweeping.sweep()
    assert meters.use(alice).status_code == 402
    assert sweeping.sweep()["thresholds_told"] == 0
    assert told() == [(80, 4, 5), (100, 5, 5)]
    assert not Threshold.objects.filter(mailed_at=None).exists()
    assert set(Mail.objects.values_list("to", flat=True)) == {"alice@example.com"}


def test_another_period_is_told_of_anew_and_one_that_is_over_not_at_all(
    meters: Meters, alice: User
):
    meters.put_on(alice, "free", anchor=timezone.now() - timedelta(days=60))
    meters.use(alice, amount=4)
    meters.use(alice, amount=4, timestamp=(timezone.now() - timedelta(days=34)).isoformat())
    assert sweeping.sweep()["thresholds_told"] == 2
    outbox.send_due()
    assert sorted(Mail.objects.values_list("status", flat=True)) == ["sent", "skipped"]


def test_a_soft_quota_says_that_nothing_stops(meters: Meters, alice: User):
    meters.use(alice, "storage", amount=12)
    sweeping.sweep()
    assert [mail.context["soft"] for mail in Mail.objects.all()] == [True, True]


def test_the_mail_says_when_it_starts_again_and_is_not_sent_after_that(meters: Meters, alice: User):
    meters.put_on(alice, "basic", anchor=timezone.now() - timedelta(days=3))
    meters.use(alice, amount=80)
    sweeping.sweep()
    mail = Mail.objects.get()
    ends = meters.client(alice).get("/api/v1/usage").json()[0]["period_end"]
    assert mail.context["period_end"].startswith(ends[:19])
    assert mail.good_until is not None
    Mail.objects.update(good_until=timezone.now())
    outbox.send_due()
    assert Mail.objects.get().status == "skipped"


def test_what_is_not_sold_any_more_holds_nobody_up(meters: Meters, alice: User):
    meters.use(alice, amount=4)
    Threshold.objects.update(usage_type="gone")
    assert sweeping.sweep()["thresholds_told"] == 1
    assert told() == [(80, 4, 5)]
