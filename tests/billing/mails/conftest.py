from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sessions_live.models import User
from tests.billing.mails.post_office import PostOffice


@pytest.fixture
def alice(transactional_db: None) -> User:
    return User.objects.create_user("alice@example.com")


@pytest.fixture
def post_office(settings: Any) -> Iterator[PostOffice]:
    """Mails go out over SMTP, to it."""
    office = PostOffice()
    for name, value in office.settings.items():
        setattr(settings, name, value)
    yield office
    office.shutdown()
    office.server_close()
