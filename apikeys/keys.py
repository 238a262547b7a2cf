"""Making, revealing, replacing and ending keys. A secret is shown where it is made, this once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from apikeys.access import PaymentRequired, has_paid, holding_keys_of, refuse_without_access
from apikeys.minting import PREFIX_LENGTH, digest, mint
from apikeys.models import APIKey
from apikeys.scopes import USUAL
from config.kit.errors import AppError
from config.kit.scopes import ScopeMissing
from sessions_live.models import User
from sessions_live.tokens import CHALLENGE

MOST_KEYS = 50
MOST_SHOWN = 200
LONGEST_GRACE = timedelta(days=30)

Status = APIKey.Status


class KeyNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "You have no such API key."


class KeyNotValid(AppError):
    """The same words for every reason: they are nobody's but the owner's business."""

    code = "key_not_valid"
    status = 401
    detail = "This API key is not valid."
    auth_header = CHALLENGE


class AlreadyRevealed(AppError):
    code = "already_revealed"
    status = 409
    detail = "This key was shown already, and only its hash is kept; rotate it for a new one."


class NotRevealed(AppError):
    code = "not_revealed"
    status = 409
    detail = "This key has no secret yet; reveal it instead."


class AlreadyRotated(AppError):
    code = "already_rotated"
    status = 409
    detail = "Another key has taken this one's place already."


class TooManyKeys(AppError):
    code = "too_many_keys"
    status = 409
    detail = f"You have {MOST_KEYS} keys; revoke one first."


@dataclass(frozen=True, slots=True)
class Shown:
    """A key with its secret, for the one answer that shows it."""

    key: APIKey
    secret: str = field(repr=False)


def keys_of(user: User) -> list[APIKey]:
    """Newest first. Raises PaymentRequired before the first payment."""
    found = list(APIKey.objects.filter(user=user).order_by("-id")[:MOST_SHOWN])
    if not found and not has_paid(user):
        raise PaymentRequired()
    return found


def find_key(user: User, pk: int) -> APIKey:
    """One that is neither revoked nor run out. Raises KeyNotFound, also for a stranger's."""
    found = APIKey.objects.there(timezone.now()).filter(user=user, pk=pk).first()
    if found is None:
        raise KeyNotFound()
    return found


def create_key(
    user: User,
    *,
    name: str,
    scopes: Collection[str] | None = None,
    expires_at: datetime | None = None,
    by: APIKey | None = None,
) -> Shown:
    """`by` is the key that asks, where no person does: what it makes can do no more and lives no
    longer. Raises PaymentRequired, TooManyKeys, ScopeMissing, KeyNotValid."""
    with holding_keys_of(user):
        refuse_ended(by)
        refuse_without_access(user)
        if APIKey.objects.there(timezone.now()).filter(user=user).count() >= MOST_KEYS:
            raise TooManyKeys()
        return make(user, name=name, scopes=within(scopes, by), expires_at=no_later(expires_at, by))


def reveal(user: User, pk: int) -> Shown:
    """Raises KeyNotFound, AlreadyRevealed, PaymentRequired."""
    with holding_keys_of(user):
        key = find_key(user, pk)
        if key.status != Status.UNREVEALED:
            raise AlreadyRevealed()
        refuse_without_access(user)
        secret = mint()
        unrevealed = APIKey.objects.filter(pk=key.pk, status=Status.UNREVEALED)
        # The old status in the WHERE decides, whatever else is going on.
        shown = {"revealed_at": timezone.now(), **traces(secret)}
        if not unrevealed.update(status=Status.ACTIVE, **shown):
            raise AlreadyRevealed()
    key.refresh_from_db()
    return Shown(key, secret)


def rotate(user: User, pk: int, *, grace: timedelta, by: APIKey | None = None) -> Shown:
    """A new key that can do the same; the old one works on for the grace time. Raises KeyNotFound,
    NotRevealed, AlreadyRotated, PaymentRequired, ScopeMissing, KeyNotValid."""
    now = timezone.now()
    with holding_keys_of(user):
        refuse_ended(by)
        old = find_key(user, pk)
        refuse_wider(old, by)
        if old.status == Status.UNREVEALED:
            raise NotRevealed()
        if old.successor_id:
            raise AlreadyRotated()
        refuse_without_access(user)
        ends = no_later(end_of_successor(old, now), by)
        shown = make(user, name=old.name, scopes=old.scopes, expires_at=ends)
        old.successor = shown.key
        old.expires_at = min(now + grace, old.expires_at or now + grace)
        old.save(update_fields=["successor", "expires_at"])
        if not grace:
            revoke(old, reason="rotated")
    return shown


def end_key(user: User, pk: int, *, by: APIKey | None = None) -> None:
    """Raises KeyNotFound, ScopeMissing."""
    key = find_key(user, pk)
    refuse_wider(key, by)
    if not revoke(key, reason="by its owner"):
        raise KeyNotFound()


def revoke(key: APIKey, *, reason: str) -> bool:
    """Whatever its state; only the call that ended it returns True. No process remembers keys, so
    the next request with it is refused everywhere."""
    unrevoked = APIKey.objects.exclude(status=Status.REVOKED).filter(pk=key.pk)
    ended = {"revoked_at": timezone.now(), "revoke_reason": reason[:200]}
    return bool(unrevoked.update(status=Status.REVOKED, **ended))


def make(user: User, *, name: str, scopes: list[str], expires_at: datetime | None) -> Shown:
    secret = mint()
    key = APIKey.objects.create(
        user=user, name=name, scopes=scopes, expires_at=expires_at, **traces(secret)
    )
    return Shown(key, secret)


def end_of_successor(old: APIKey, now: datetime) -> datetime | None:
    """As long a life as the old one was given, counted anew, as far as the calendar reaches."""
    if old.expires_at is None:
        return None
    try:
        return now + (old.expires_at - old.created_at)
    except OverflowError:
        return old.expires_at


def traces(secret: str) -> dict[str, str]:
    """All that is kept of a secret."""
    return {"key_hash": digest(secret), "prefix": secret[:PREFIX_LENGTH]}


def within(scopes: Collection[str] | None, by: APIKey | None) -> list[str]:
    """Raises ScopeMissing where a key asks for more than it has."""
    held = set(by.scopes) if by else None
    if scopes is None:
        scopes = [scope for scope in USUAL if held is None or scope in held]
    if held is not None and not (scopes and held.issuperset(scopes)):
        raise ScopeMissing("A key cannot give scopes that it lacks.")
    return sorted(set(scopes))


def no_later(expires_at: datetime | None, by: APIKey | None) -> datetime | None:
    ends = by.expires_at if by else None
    return min(expires_at or ends, ends) if ends else expires_at


def refuse_ended(by: APIKey | None) -> None:
    """A key that was revoked while its request waited leaves no other behind; must run inside a
    transaction, and nobody revokes it before that ends. Raises KeyNotValid."""
    if by is None:
        return
    there = APIKey.objects.there(timezone.now()).filter(pk=by.pk)
    if there.select_for_update(no_key=True).first() is None:
        raise KeyNotValid()


def refuse_wider(key: APIKey, by: APIKey | None) -> None:
    """Raises ScopeMissing."""
    if by is not None and not set(by.scopes).issuperset(key.scopes):
        raise ScopeMissing("A key cannot change one that can do more than itself.")
