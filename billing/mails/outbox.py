"""Sending what waits: each mail once, as far as a mail can be.

A mail is claimed by one UPDATE, sent with nothing locked, and marked. A sender that is killed in
between leaves it `sending`; when its lease is over the mail is sent with the same Message-ID.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from smtplib import SMTPRecipientsRefused
from typing import Any

from anymail.exceptions import AnymailError, AnymailRecipientsRefused
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from billing.mails.composing import compose
from billing.mails.models import Mail
from billing.mails.samples import SAMPLES
from config.kit.credentials import without_credentials
from config.kit.ids import new_id

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

# Longer than a dialogue with a mail server that takes its time at every step.
LEASE = timedelta(minutes=3)
# What fails by itself gets this many tries; a mail system that is out of order, a day of them.
ATTEMPTS = 5
PATIENCE = timedelta(days=1)
# Once these are sent, nothing says any more to whom.
LAST_WORDS = frozenset({"account_erased"})

Status = Mail.Status

ROW = "(%s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s), %s)"
WRITE = """
INSERT INTO mails_mail (id, user_id, key, "to", template, context, next_attempt_at, good_until)
VALUES {rows}
ON CONFLICT (key) DO UPDATE SET context = mails_mail.context || (
        SELECT coalesce(jsonb_object_agg(key, value), '{{}}')
        FROM jsonb_each(EXCLUDED.context) WHERE value <> '""'
    ),
    next_attempt_at = LEAST(mails_mail.next_attempt_at, EXCLUDED.next_attempt_at)
WHERE mails_mail.status = 'queued' AND mails_mail.attempts = 0
"""
Row = tuple[str | int | float | datetime | None, ...]
_gathering: ContextVar[dict[str, Row] | None] = ContextVar("gathering", default=None)


class NotTaken(OSError):
    """The mail system said neither yes nor no."""


@dataclass(frozen=True, slots=True)
class Wanted:
    user_id: int
    template: str
    key: str
    context: dict[str, Any]
    to: str


def write(wanted: Wanted, *, good_until: datetime | None, settles_in: timedelta) -> None:
    """Raises ValueError where the template is told too little, or what it does not know."""
    if wanted.context.keys() != SAMPLES[wanted.template].keys():
        raise ValueError(f"{wanted.template} is told {', '.join(SAMPLES[wanted.template])}")
    context = json.dumps(without_secrets(wanted.context), cls=DjangoJSONEncoder)
    who = (str(new_id()), wanted.user_id, wanted.key, wanted.to)
    what = (wanted.template, context, settles_in.total_seconds(), good_until)
    with gathered() as rows:
        rows[wanted.key] = (*who, *what)


@contextmanager
def gathered() -> Iterator[dict[str, Row]]:
    """Mails that are queued inside are written as it ends, in one statement; none where it fails.
    For what has many news at once, inside its transaction."""
    outer, rows = _gathering.get(), dict[str, Row]()
    token = _gathering.set(rows)
    try:
        yield rows
    finally:
        _gathering.reset(token)
    if outer is not None:
        outer.update(rows)
    elif rows:
        with connection.cursor() as cursor:
            wording = WRITE.format(rows=", ".join([ROW] * len(rows)))
            cursor.execute(wording, tuple(chain.from_iterable(rows.values())))


def withdraw(key: str) -> None:
    waiting = Mail.objects.filter(key=key, status=Status.QUEUED, attempts=0)
    waiting.update(status=Status.SKIPPED)


def without_secrets(context: dict[str, Any]) -> dict[str, Any]:
    """People name their keys as they like, also after the key. Nor a NUL, which PostgreSQL's text
    cannot hold."""
    return {
        name: without_credentials(value).replace("\0", "") if isinstance(value, str) else value
        for name, value in context.items()
    }


def send_due(*, ending: threading.Event | None = None) -> int:
    """Until nothing is due, or the worker ends; returns how many were taken. Never inside a
    transaction."""
    post, taken = get_connection(), 0
    try:
        while not (ending and ending.is_set()) and (mail := claim()):
            deliver(mail, post)
            taken += 1
    finally:
        post.close()
    return taken


@transaction.atomic
def claim() -> Mail | None:
    now = timezone.now()
    due = Mail.objects.due(now).order_by("next_attempt_at", "id")
    mail = due.select_for_update(skip_locked=True).first()
    if mail is not None:
        mail.status, mail.attempts, mail.next_attempt_at = (
            Status.SENDING,
            mail.attempts + 1,
            now + LEASE,
        )
        mail.save(update_fields=["status", "attempts", "next_attempt_at"])
    return mail


def deliver(mail: Mail, post: BaseEmailBackend) -> None:
    if not mail.to or (mail.good_until and mail.good_until <= timezone.now()):
        mark(mail, Status.SKIPPED)
        return
    try:
        message = compose(mail)
        post.open()
        if not post.send_messages([message]):
            raise NotTaken("the mail system took nothing")
    except Exception as error:  # noqa: BLE001 - one mail's fault must not hold the others
        post.close()
        note_failure(mail, error)
        return
    # Of the mail systems behind Anymail, their own name for it.
    told = getattr(message, "anymail_status", None)
    mark(
        mail,
        Status.SENT,
        subject=message.subject[:200],
        sent_at=timezone.now(),
        error="",
        provider_message_id=str(getattr(told, "message_id", None) or "")[:255],
        **({"to": "", "context": {}} if mail.template in LAST_WORDS else {}),
    )


def mark(mail: Mail, status: Status, **fields: Any) -> None:
    """Nothing where the lease was over and another has taken it."""
    held = Mail.objects.filter(pk=mail.pk, status=Status.SENDING, attempts=mail.attempts)
    held.update(status=status, **fields)


def note_failure(mail: Mail, error: Exception) -> None:
    now = timezone.now()
    words = "".join(traceback.format_exception(error))[-4000:].replace("\0", "")
    if is_hopeless(mail, error, now):
        mark(mail, Status.FAILED, error=words)
        extra = {"mail": str(mail.pk), "template": mail.template, "attempts": mail.attempts}
        alarm.error("mail given up", extra=extra)
        return
    log.warning("mail put back: %s, %s", mail.pk, type(error).__name__)
    again_at = now + backoff(mail.attempts)
    mark(mail, Status.QUEUED, error=words, next_attempt_at=again_at)


def is_hopeless(mail: Mail, error: Exception, now: datetime) -> bool:
    if isinstance(error, SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        if all(code >= 500 for code in codes):
            return True
    if isinstance(error, AnymailRecipientsRefused):
        return True
    if isinstance(error, (OSError, AnymailError)):
        return now - mail.created_at > PATIENCE and mail.attempts > 1
    return mail.attempts >= ATTEMPTS


def backoff(attempts: int) -> timedelta:
    """5, 15, 45 seconds …, at most an hour, spread by a fifth."""
    seconds = min(5 * 3 ** (attempts - 1), 3600) * random.uniform(0.8, 1.2)  # noqa: S311
    return timedelta(seconds=seconds)


def send_again(mail: Mail) -> None:
    """Raises ForbiddenMove where it waits already, StaleState where somebody was faster."""
    mail.move_to(
        Status.QUEUED,
        attempts=0,
        error="",
        next_attempt_at=timezone.now(),
        good_until=None,
        resent=F("resent") + 1,
    )


def forget(user_id: int) -> None:
    """What was written to somebody stays as a fact, without address and content."""
    Mail.objects.filter(user_id=user_id).exclude(
        status__in=Mail.WAITING, template__in=LAST_WORDS
    ).update(to="", context={}, subject="", error="")
