"""Asking a provider to change something, exactly once: committed before the call, ended by its
answer, and looked up where no answer came.

Nothing is ever asked for a second time before the provider was asked whether it happened.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.operations.keys import of_key
from billing.operations.models import LONGEST_CALL, Operation
from billing.operations.registry import Done, carrier_of
from billing.providers import patience
from billing.providers.base import (
    PaymentRefused,
    ProviderDown,
    ProviderError,
    ProviderRefused,
)
from billing.webhooks.inbox import hold_subject
from billing.webhooks.registry import dispatch
from config.kit import request_id
from config.kit.errors import AppError
from config.kit.one_by_one import one_by_one
from config.kit.states import StaleState
from sessions_live.models import User

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

# What nobody could find out in a day and in this many tries is for a human.
PATIENCE = timedelta(days=1)
ATTEMPTS = 5
LONGEST_PAUSE = timedelta(hours=1)
AT_ONCE = 100

Status = Operation.Status
REFUSALS = {each.code: each for each in (ProviderRefused, PaymentRefused)}


class UnderWay(AppError):
    code = "under_way"
    status = 409
    detail = "Another change of the same thing is still under way; try again in a moment."


class Unanswered(ProviderError):
    detail = (
        "The payment provider did not answer as expected. Nothing is lost and nothing happens "
        "twice: we find out by ourselves what became of it, and you may try again."
    )

    def __init__(self, error: ProviderError | None = None) -> None:
        super().__init__()
        if error is not None:
            self.status, self.wait = error.status, error.wait


def request(
    *,
    kind: str,
    provider: str,
    subject: str,
    wishes: Mapping[str, Any],
    user: User | None,
    idempotency_key: str | None = None,
) -> Operation:
    """Must run inside the caller's transaction, and be committed before `submit`. The same key and
    wishes give the same operation, and so do the same wishes while one is open: so the caller locks
    the subject's row first, and looks whether an earlier one has ended meanwhile. Raises KeyReused,
    UnderWay."""
    fingerprint = fingerprint_of(kind, provider, subject, wishes)
    theirs = Operation.objects.filter(user=user)
    found = of_key(theirs, idempotency_key, fingerprint) or _open(kind, subject, fingerprint)
    if found is not None:
        return found
    now = timezone.now()
    try:
        with transaction.atomic():
            return Operation.objects.create(
                kind=kind,
                provider=provider,
                subject=subject,
                wishes=dict(wishes),
                fingerprint=fingerprint,
                user=user,
                idempotency_key=idempotency_key,
                request_id=request_id.current.get(),
                created_at=now,
                due_at=now + LONGEST_CALL,
            )
    except IntegrityError:
        found = of_key(theirs, idempotency_key, fingerprint) or _open(kind, subject, fingerprint)
        if found is None:
            raise
        return found


def fingerprint_of(kind: str, provider: str, subject: str, wishes: Mapping[str, Any]) -> str:
    text = json.dumps([kind, provider, subject, dict(wishes)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _open(kind: str, subject: str, fingerprint: str) -> Operation | None:
    found = Operation.objects.open().filter(kind=kind, subject=subject).first()
    if found is not None and found.fingerprint != fingerprint:
        raise UnderWay()
    return found


def submit(operation: Operation) -> Operation:
    """Outside any transaction: calls the provider, or waits for whoever is calling already. Raises
    ProviderRefused, and Unanswered where the sweep has to find out."""
    trouble: Exception | None = None
    if operation.status in (Status.REQUESTED, Status.UNKNOWN):
        try:
            trouble = _attempt(operation)
        except StaleState:
            operation.refresh_from_db()
    if trouble is None:
        _await_other(operation)
    return _verdict(operation, trouble)


def resolve(operation: Operation) -> Operation:
    """Outside any transaction: looks an unanswered operation up, and makes the call where it did
    not happen. Whatever comes of it stands on the row. Raises StaleState when another is at it."""
    _attempt(operation)
    return operation


def sweep() -> dict[str, int]:
    """Safe to run at any time and by several at once."""
    resolved = 0
    with one_by_one() as apart:
        for operation in Operation.objects.due(timezone.now()).order_by("due_at")[:AT_ONCE]:
            with apart(f"operation {operation.pk}"):
                try:
                    trouble = _attempt(operation)
                except StaleState:
                    continue
                if isinstance(trouble, ProviderDown):
                    break
                resolved += not operation.is_open
    return {
        "operations_resolved": resolved,
        "operations_open": Operation.objects.open().count(),
        "operations_for_a_human": Operation.objects.waiting_for_a_human().count(),
    }


def give_up(operation: Operation, *, reason: str) -> None:
    """For staff who have looked at the provider themselves. Raises StaleState, ForbiddenMove."""
    operation.move_to(Status.FAILED, words=reason, finished_at=timezone.now())


# --- one attempt ----------------------------------------------------------------------------------
def _attempt(operation: Operation) -> Exception | None:
    """What went wrong, if anything did. Raises StaleState and nothing else."""
    with transaction.atomic(durable=True):
        pass  # raises inside a transaction: a call to a provider never holds a lock
    look_first = operation.may_have_happened
    operation.begin_attempt()
    token = request_id.current.set(operation.request_id)
    try:
        carrier = carrier_of(operation.kind)
        done = _look_up(operation) if look_first else None
        _conclude(operation, done or carrier.call(operation))
    except ProviderRefused as refusal:
        _refused(operation, refusal)
        return refusal
    except ProviderDown as down:
        _put_back(operation, down)
        return down
    except Exception as error:  # noqa: BLE001 - it goes on the row, and to whoever asked
        _doubt(operation, error)
        return error
    finally:
        request_id.current.reset(token)
    return None


def _look_up(operation: Operation) -> Done | None:
    try:
        return carrier_of(operation.kind).look_up(operation)
    except ProviderRefused as refusal:
        # That we may not look says nothing about what happened.
        raise ProviderError(refusal.detail) from refusal


def _conclude(operation: Operation, done: Done) -> None:
    """The end of the operation and its effects, both or none, also when two were answered."""
    customers = {getattr(fact, "customer_id", "") for fact in done.facts} - {""}
    with transaction.atomic():
        for customer_id in sorted(customers):
            hold_subject(operation.provider, customer_id)
        row = Operation.objects.select_for_update().get(pk=operation.pk)
        if row.status != Status.SUCCEEDED:
            row.move_to(
                Status.SUCCEEDED,
                provider_id=done.provider_id,
                error="",
                words="",
                finished_at=timezone.now(),
                needs_human_at=None,
            )
            for fact in done.facts:
                dispatch(fact)
    operation.refresh_from_db()


def _refused(operation: Operation, refusal: ProviderRefused) -> None:
    _note(
        operation,
        status=Status.FAILED,
        error=refusal.detail,
        refusal=refusal.code,
        reason=refusal.reason[:80],
        words=refusal.words.replace("\0", ""),
        finished_at=timezone.now(),
    )


def _put_back(operation: Operation, down: ProviderDown) -> None:
    """Nothing was sent this time, so the row says what it said before."""
    attempts = operation.attempts - 1
    _note(
        operation,
        status=Status.UNKNOWN if attempts else Status.REQUESTED,
        attempts=attempts,
        due_at=timezone.now() + max(LONGEST_CALL, timedelta(seconds=down.wait or 0)),
    )


def _doubt(operation: Operation, error: Exception) -> None:
    now = timezone.now()
    wait = timedelta(seconds=getattr(error, "wait", None) or 0)
    words = "".join(traceback.format_exception(error))[-4000:].replace("\0", "")
    fields: dict[str, Any] = {"due_at": now + max(wait, backoff(operation.attempts))}
    hopeless = now - operation.created_at > PATIENCE and operation.attempts >= ATTEMPTS
    if hopeless and operation.needs_human_at is None:
        fields["needs_human_at"] = now
        told = {"operation": str(operation.pk), "kind": operation.kind}
        alarm.error("operation needs a human", extra=told)
    _note(operation, status=Status.UNKNOWN, words=words, **fields)
    log.warning("operation %s unanswered: %s", operation.pk, type(error).__name__, exc_info=error)


def backoff(attempts: int) -> timedelta:
    """A minute, two, four … at most an hour, spread by a fifth."""
    pause = min(LONGEST_CALL * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311


def _note(operation: Operation, **fields: Any) -> None:
    """Unless another attempt has begun meanwhile, or the answer of an earlier one has come."""
    own = Operation.objects.filter(
        pk=operation.pk, status=Status.SUBMITTING, submitted_at=operation.submitted_at
    )
    own.update(**fields)
    operation.refresh_from_db()


# --- what whoever asked is told -------------------------------------------------------------------
def _await_other(operation: Operation) -> None:
    with patience.limited():
        while operation.status == Status.SUBMITTING and patience.left() > 0:
            time.sleep(0.05)
            operation.refresh_from_db()


def _verdict(operation: Operation, trouble: Exception | None) -> Operation:
    if operation.status == Status.SUCCEEDED:
        return operation
    if operation.status == Status.FAILED:
        if isinstance(trouble, ProviderRefused):
            raise trouble
        raise REFUSALS.get(operation.refusal, ProviderRefused)(operation.error)
    if trouble is None or isinstance(trouble, ProviderError):
        raise Unanswered(trouble) from trouble
    raise trouble
