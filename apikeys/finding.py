"""The key that a request shows, with its owner and their allowance, in one statement.

Every request with a key waits for this. Django words the statement, so that what is usable is said
in one place; but it does so once, as wording takes longer than asking.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.views.decorators.debug import sensitive_variables

from apikeys.minting import digest, is_well_formed
from apikeys.models import APIKey
from sessions_live.models import User

OWN = [field.attname for field in APIKey._meta.concrete_fields]
OWNERS = [field.attname for field in User._meta.concrete_fields]
# Stand in for what each request puts in their place.
SOME_TIME, SOME_HASH = datetime(1970, 1, 1, tzinfo=UTC), "a hash"


@sensitive_variables()
def find_usable_key(secret: str, at: datetime) -> APIKey | None:
    """A key whose owner holds no plan at this moment is not usable, whether or not somebody has
    noted that yet. No statement for a text that is no key."""
    if not is_well_formed(secret):
        return None
    wording, given = statement()
    actual: dict[Any, Any] = {SOME_TIME: at, SOME_HASH: digest(secret)}
    with connection.cursor() as cursor:
        cursor.execute(wording, tuple(actual.get(each, each) for each in given))
        row = cursor.fetchone()
    return key_of(row) if row and row[-1] else None


@cache
def statement() -> tuple[str, tuple[Any, ...]]:
    owners = [f"user__{name}" for name in OWNERS]
    usable = APIKey.objects.usable(SOME_TIME).filter(key_hash=SOME_HASH)
    wording, given = usable.values_list(*OWN, *owners, "allowance").query.sql_with_params()
    return wording, tuple(given)


def key_of(row: tuple[Any, ...]) -> APIKey:
    *values, allowance = row
    key = APIKey.from_db(connection.alias, OWN, values[: len(OWN)])
    key.scopes = json.loads(key.scopes)
    key.user = User.from_db(connection.alias, OWNERS, values[len(OWN) :])
    key.allowance = allowance
    return key
