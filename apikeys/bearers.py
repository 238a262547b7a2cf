"""API keys of many requests at once (config/kit/bearers.py)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apikeys.authentication import note_use
from apikeys.finding import find_usable_keys
from apikeys.minting import digest, is_well_formed
from apikeys.throttle import limit_of
from config.kit import limiter
from config.kit.bearers import Caller


class KeyBearers:
    @sensitive_variables()
    def recognise(self, bearer: str) -> str | None:
        return digest(bearer) if is_well_formed(bearer) else None

    def find(self, recognised: Sequence[str], scope: str) -> list[Caller | None]:
        """Each request counts against the owner's limit, as it does alone."""
        now = timezone.now()
        found = find_usable_keys(set(recognised), now)
        callers: list[Caller | None] = [None] * len(recognised)
        keys = [(place, found[each]) for place, each in enumerate(recognised) if each in found]
        able = [(place, key) for place, key in keys if scope in key.scopes]
        for key in {key.pk: key for _, key in able}.values():
            note_use(key.pk, key.last_used_at, now)
        limits = [limit_of(key.user_id, key.allowance) for _, key in able]
        for (place, key), limit, attempt in zip(
            able, limits, limiter.take_each(limits), strict=True
        ):
            if attempt is not None:
                callers[place] = Caller(key.user_id, partial(limiter.give_back, attempt, limit))
        return callers
