from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.usage import quotas
from billing.usage.models import Allowance
from billing.usage.periods import months_after, period_of
from sessions_live.models import User

anchors = st.integers(
    int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2032, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def tell(user: User, anchor: datetime | None) -> datetime | None:
    quotas.allow(user.pk, tier="x", anchor=anchor, expires_at=None)
    return Allowance.objects.get(user=user).anchor


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(anchor=anchors, months=st.integers(-30, 30), other=anchors)
@pytest.mark.django_db
def test_an_anchor_stays_as_long_as_periods_begin_where_it_says(
    anchor: datetime, months: int, other: datetime
):
    with transaction.atomic():
        user = User.objects.create_user("somebody@example.com")
        assert tell(user, anchor) == anchor
        assert tell(user, months_after(anchor, months)) == anchor
        assert tell(user, None) == anchor
        fits = period_of(anchor, other).start == other
        assert tell(user, other) == (anchor if fits else other)
        transaction.set_rollback(True)
