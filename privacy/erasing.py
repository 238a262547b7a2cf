"""Erasing a person: at the providers first, then here. Every step may be broken off anywhere and
goes on where it was, as each looks at what is there and not at what was done.

1. The account is closed: nobody signs in any more, sessions and keys are dead.
2. While the law or money under way holds the data, it waits.
3. Subscriptions are canceled, payment pages closed, and the provider's customer is scrubbed.
4. In one transaction the person goes from our tables; what the law keeps names nobody.
5. When the farewell is sent, its address goes, and what the provider said meanwhile.
"""

from __future__ import annotations

import logging
import random
import traceback
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apikeys import keys
from apikeys.models import APIKey
from billing import mails
from billing.mails import outbox
from billing.mails.models import Mail
from billing.models import Customer, Subscription
from billing.providers.base import ProviderError
from billing.providers.mirror import forgetting as mirror
from billing.webhooks import forgetting
from config.kit.announcing import announce
from config.kit.one_by_one import one_by_one
from config.kit.redis_client import redis_client
from privacy import at_providers, holds
from privacy.inventory import INVENTORY
from privacy.models import Erasure
from sessions_live.line import feed_key
from sessions_live.models import User
from sessions_live.rooms import payments_room, sessions_room
from sessions_live.sessions import end_sessions_of

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

# Longer than any step: what is still under way after it died.
LEASE = timedelta(minutes=5)
LOOK_AGAIN = timedelta(hours=1)
# The farewell has this long to be sent.
FAREWELL = timedelta(days=1)
ALARMING = 10

Status = Erasure.Status


def request_erasure(user: User) -> Erasure:
    """Safe to repeat. Raises NotNow."""
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        erasure = Erasure.objects.filter(user=user).first()
        if erasure is None:
            holds.refuse(user)
            erasure = Erasure.objects.create(user=user, held_for=holds.holds_of(user))
            close_account(user)
            pk = str(erasure.pk)
            transaction.on_commit(lambda: _announce(pk), robust=True)
    return erasure


def _announce(pk: str) -> None:
    from privacy.tasks import erase

    announce(erase, pk)


def close_account(user: User) -> None:
    """Safe to repeat; must run inside a transaction."""
    end_sessions_of(user, reason="erased")  # and with them tokens and sockets
    user.is_active = False
    user.save(update_fields=["is_active"])
    for key in APIKey.objects.filter(user=user).exclude(status=APIKey.Status.REVOKED):
        keys.revoke(key, reason="account erased")


def sweep() -> dict[str, int]:
    due = Erasure.objects.due(timezone.now()).order_by("due_at")[:20]
    continued = 0
    with one_by_one() as apart:
        with apart("dead letters"):
            forgetting.blacken_dead_letters()
        with apart("what was bought while leaving"):
            cancel_late()
        for erasure in due:
            with apart(f"erasure {erasure.pk}"):
                continued += proceed(erasure)
    return {"erasures_continued": continued}


def cancel_late() -> None:
    """What was bought in the very moment of leaving, and was told of only afterwards."""
    ended = User.objects.filter(erasure__status__in=[Status.ERASED, Status.DONE])
    late = ended.filter(subscriptions__status__in=Subscription.LIVE).distinct()
    with one_by_one() as apart:
        for user in late[:20]:
            with apart(f"user {user.pk}"):
                try:
                    at_providers.cancel_all(user)
                except ProviderError as error:
                    log.warning("late subscription of %s not canceled: %s", user.pk, error.code)


def proceed(erasure: Erasure) -> bool:
    """As far as it goes now; False where somebody else is at it. Never inside a transaction."""
    now = timezone.now()
    waiting = Erasure.objects.due(now).filter(pk=erasure.pk)
    if not waiting.update(due_at=now + LEASE):
        return False
    erasure.refresh_from_db()
    try:
        steps(erasure)
    except Exception as error:  # noqa: BLE001 - it goes on the row, and is tried again
        note_trouble(erasure, error)
    return True


def steps(erasure: Erasure) -> None:
    if erasure.status in (Status.REQUESTED, Status.HELD):
        held = holds.holds_of(erasure.user)
        if held:
            wait_for(erasure, held)
            return
        leave(erasure)
    if erasure.status == Status.ERASED:
        finish(erasure)


def wait_for(erasure: Erasure, held: list[str]) -> None:
    if erasure.status == Status.REQUESTED:
        erasure.move_to(Status.HELD)
    Erasure.objects.filter(pk=erasure.pk).update(
        held_for=held, due_at=timezone.now() + LOOK_AGAIN, trouble=""
    )


def leave(erasure: Erasure) -> None:
    user = erasure.user
    at_providers.end_everything(user)
    known = at_providers.be_forgotten(user)
    words = words_for(user)
    blackened = (forgetting.blacken_past(*each, words) for each in known.items())
    went = {
        "Webhook events": sum(blackened),
        "Copies of the provider's objects": forget_copies(user, known, words),
    }
    anonymise(erasure, went)


def words_for(user: User) -> list[str]:
    """By which the person could be found in any text."""
    return [word.lower() for word in (user.email, user.name) if len(word) > 3]


def forget_copies(user: User, known: dict[str, list[str]], words: list[str]) -> int:
    customers = Customer.objects.filter(user=user, provider="stripe").exclude(provider_id=None)
    return sum(
        mirror.forget(str(each.provider_id), known.get("stripe", []), words) for each in customers
    )


def anonymise(erasure: Erasure, went: dict[str, int]) -> None:
    """All of it, or nothing."""
    now = timezone.now()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=erasure.user_id)
        words = words_for(user)
        mails.queue(
            user=user,
            template="account_erased",
            key=f"account_erased:{erasure.pk}",
            to=user.email,
            context={"email": user.email, "at": now},
        )
        went = went | scrub_rows(user)
        went["Lines of the staff's journal"] = scrub_journal(words)
        forget_who(user)
        transaction.on_commit(lambda: forget_feed(user.pk), robust=True)
        kept = [
            {"what": table.words, "rows": table.of(user).count(), "why": table.law}
            for table in INVENTORY
            if table.law
        ]
        kept = [each for each in kept if each["rows"]]
        erasure.move_to(Status.ERASED, went=went, kept=kept, held_for=[], trouble="", erased_at=now)


def scrub_rows(user: User) -> dict[str, int]:
    """Safe to repeat; must run inside a transaction."""
    went: dict[str, int] = {}
    for table in INVENTORY:
        if table.goes:
            went[table.words], _ = table.of(user).delete()
        elif table.scrub:
            went[table.words] = _scrub(table.of(user), dict(table.scrub))
    outbox.forget(user.pk)
    return {words: rows for words, rows in went.items() if rows}


def _scrub(rows: Any, empty: dict[str, Any]) -> int:
    # By key: an UPDATE takes no joins.
    keys_ = list(rows.values_list("pk", flat=True))
    return int(rows.model._default_manager.filter(pk__in=keys_).update(**empty))


def scrub_journal(words: list[str]) -> int:
    about = Q(pk__in=[])
    for word in words:
        about |= Q(object_repr__icontains=word) | Q(change_message__icontains=word)
    return LogEntry.objects.filter(about).update(object_repr="Erased", change_message="")


def forget_feed(user_id: int) -> None:
    """Where Redis does not answer, it forgets by itself within a day."""
    redis_client().delete(feed_key(payments_room(user_id)), feed_key(sessions_room(user_id)))


def forget_who(user: User) -> None:
    user.email, user.name = f"{user.pk}@erased.invalid", ""
    user.set_unusable_password()
    user.is_active = False
    user.save()
    user.groups.clear()


def finish(erasure: Erasure) -> None:
    now = timezone.now()
    farewell = Mail.objects.filter(key=f"account_erased:{erasure.pk}").first()
    waits = farewell is not None and farewell.status in Mail.WAITING
    if waits and not _is_late(erasure, now):
        Erasure.objects.filter(pk=erasure.pk).update(due_at=now + timedelta(seconds=20))
        return
    with transaction.atomic():
        if farewell is not None and waits:
            Mail.objects.filter(pk=farewell.pk).update(status=Mail.Status.SKIPPED)
        scrub_rows(erasure.user)
        erasure.move_to(Status.DONE, done_at=now)


def _is_late(erasure: Erasure, now: datetime) -> bool:
    return erasure.erased_at is not None and now - erasure.erased_at > FAREWELL


def again(provider: str, ids: list[str]) -> None:
    """The provider spoke of somebody after the end; what that left in our rows goes too. Must run
    inside a transaction."""
    about = Customer.objects.filter(provider=provider, provider_id__in=ids).values("user")
    paid = Q(user__payments__provider=provider, user__payments__provider_id__in=ids)
    earned = Q(user__payout_accounts__provider=provider, user__payout_accounts__provider_id__in=ids)
    named = Q(user__in=about) | paid | earned
    ended = [Status.ERASED, Status.DONE]
    for erasure in Erasure.objects.filter(named, status__in=ended).distinct():
        scrub_rows(erasure.user)


def note_trouble(erasure: Erasure, error: Exception) -> None:
    attempts = erasure.attempts + 1
    pause = timedelta(seconds=min(15 * 2 ** min(attempts, 10), 3600) * random.uniform(0.8, 1.2))  # noqa: S311
    if attempts == ALARMING:
        alarm.error("erasure does not get on", extra={"erasure": str(erasure.pk)})
    log.warning("erasure %s put back: %s", erasure.pk, type(error).__name__)
    words = (
        error.detail
        if isinstance(error, ProviderError)
        else "".join(traceback.format_exception(error))[-4000:].replace("\0", "")
    )
    Erasure.objects.filter(pk=erasure.pk).update(
        attempts=attempts, trouble=words, due_at=timezone.now() + pause
    )
