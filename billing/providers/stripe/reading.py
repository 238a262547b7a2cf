"""The small words of Stripe's objects: ids, instants, and what an invoice is for. What they do not
say as we know it is never guessed at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from billing.providers.base import UnknownShape

PROVIDER = "stripe"
Payload = Mapping[str, Any]
# What reading a shape of another kind comes to.
STUMBLES = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


@contextmanager
def shape_of(what: str) -> Iterator[None]:
    """Raises UnknownShape where what is read is not what we know."""
    try:
        yield
    except STUMBLES as error:
        raise UnknownShape(f"{what}: {type(error).__name__} {error}") from error


def one_of(known: Collection[str], word: Any) -> str:
    """A word that a rule goes by. Raises ValueError for one that we have never heard."""
    if not isinstance(word, str) or word not in known:
        raise ValueError(f"{word!r} is none of {', '.join(sorted(known))}")
    return word


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def instant_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else instant(seconds)


def id_of(reference: Any) -> str:
    """An expandable field is an id, an object, or null."""
    if reference is None:
        return ""
    return str(reference if isinstance(reference, str) else reference["id"])


def subscription_of_invoice(invoice: Payload) -> tuple[str, Mapping[str, str]]:
    """Its id and its metadata."""
    details = invoice.get("subscription_details")
    if "parent" in invoice:
        details = (invoice["parent"] or {}).get("subscription_details")
        return id_of((details or {}).get("subscription")), (details or {}).get("metadata") or {}
    return id_of(invoice["subscription"]), (details or {}).get("metadata") or {}
