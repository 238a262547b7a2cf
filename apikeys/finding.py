"""The key that a request shows, with its owner and their allowance, in one statement."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from apikeys.minting import digest, is_well_formed
from apikeys.models import APIKey
from config.kit.lookups import Lookup, any_of
from sessions_live.models import User

OWN = [field.attname for field in APIKey._meta.concrete_fields]
OWNERS = [field.attname for field in User._meta.concrete_fields]
SOME_TIME, SOME_HASH = datetime(1970, 1, 1, tzinfo=UTC), "a hash"
SOME_HASHES = (SOME_HASH,)
FOR_MANY = ["key_hash", "pk", "user_id", "scopes", "last_used_at", "allowance"]


def rows() -> QuerySet[APIKey, Any]:
    usable = APIKey.objects.usable(SOME_TIME).filter(key_hash=SOME_HASH)
    return usable.values_list(*OWN, *(f"user__{name}" for name in OWNERS), "allowance")


def rows_of_many() -> QuerySet[APIKey, Any]:
    usable = APIKey.objects.usable(SOME_TIME).filter(key_hash__in=any_of("text", SOME_HASHES))
    return usable.values_list(*FOR_MANY)


usable_keys, many_usable_keys = Lookup(rows), Lookup(rows_of_many)


@dataclass(frozen=True, slots=True)
class UsableKey:
    """What a door for many has to know of a key."""

    pk: int
    user_id: int
    scopes: frozenset[str]
    last_used_at: datetime | None
    allowance: int


@sensitive_variables()
def find_usable_key(secret: str, at: datetime) -> APIKey | None:
    """A key whose owner holds no plan at this moment is not usable, whether or not somebody has
    noted that yet. No statement for a text that is no key."""
    if not is_well_formed(secret):
        return None
    row = usable_keys.first({SOME_TIME: at, SOME_HASH: digest(secret)})
    return key_of(row) if row and row[-1] else None


def find_usable_keys(hashes: Collection[str], at: datetime) -> dict[str, UsableKey]:
    """By their hashes, in one statement; those that are not usable are missing."""
    rows = many_usable_keys.all({SOME_TIME: at, SOME_HASHES: list(hashes)})
    return {
        key_hash: UsableKey(pk, user_id, frozenset(json.loads(scopes)), last_used_at, allowance)
        for key_hash, pk, user_id, scopes, last_used_at, allowance in rows
        if allowance
    }


def key_of(row: tuple[Any, ...]) -> APIKey:
    *values, allowance = row
    key = APIKey.from_db(connection.alias, OWN, values[: len(OWN)])
    key.scopes = json.loads(key.scopes)
    key.user = User.from_db(connection.alias, OWNERS, values[len(OWN) :])
    key.allowance = allowance
    return key
