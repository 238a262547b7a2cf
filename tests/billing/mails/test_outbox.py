from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import mails
from billing.mails import outbox
from billing.mails.models import Mail
from billing.mails.samples import SAMPLES
from billing.mails.sending import MailThread
from sessions_live.models import User
from tests.billing.mails.post_office import PostOffice
from tests.waiting import eventually


def queue(user: User, key: str = "welcome:1", **changes: Any) -> Mail:
    given = {"template": "welcome", "context": SAMPLES["welcome"], **changes}
    with transaction.atomic():
        mails.queue(user=user, key=key, **given)
    return Mail.objects.get(key=key)


def again_at_once() -> None:
    """What back-off and lease are over for."""
    Mail.objects.update(next_attempt_at=timezone.now())


def part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_a_mail_is_sent_once_with_text_and_html(alice: User, post_office: PostOffice):
    mail = queue(alice)
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    (letter,) = post_office.letters
    assert (letter["To"], letter["Subject"]) == ("alice@example.com", "Welcome to Pain Tracker")
    assert letter["Message-ID"] == mail.message_id
    kinds = [part.get_content_type() for part in letter.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    mail.refresh_from_db()
    assert (mail.status, mail.subject, mail.attempts) == ("sent", letter["Subject"], 1)


def test_one_happening_makes_one_mail(alice: User, post_office: PostOffice):
    for _ in range(3):
        queue(alice)
        outbox.send_due()
    assert len(post_office.letters) == 1


def test_many_mails_of_one_event_are_written_together_or_not_at_all(alice: User):
    with CaptureQueriesContext(connection) as asked, outbox.gathered():
        for key in ("a", "b", "a"):
            queue_now(alice, key)
        assert not asked
    assert len(asked) == 1
    with suppress(RuntimeError), outbox.gathered():
        queue_now(alice, "c")
        raise RuntimeError
    assert sorted(Mail.objects.values_list("key", flat=True)) == ["a", "b"]


def queue_now(user: User, key: str) -> None:
    mails.queue(user=user, template="welcome", key=key, context=SAMPLES["welcome"])


def test_what_is_undone_is_not_told(alice: User, post_office: PostOffice):
    with transaction.atomic():
        mails.queue(user=alice, template="welcome", key="w", context=SAMPLES["welcome"])
        transaction.set_rollback(True)
    assert outbox.send_due() == 0


def test_a_repetition_corrects_what_is_not_sent_yet(alice: User, post_office: PostOffice):
    receipt = {"template": "receipt", "settles_in": timedelta(hours=1)}
    queue(alice, "r", context={**SAMPLES["receipt"], "what": "Payment"}, **receipt)
    queue(alice, "r", context={**SAMPLES["receipt"], "what": "Pro"}, **receipt)
    assert outbox.send_due() == 0
    again_at_once()
    outbox.send_due()
    queue(alice, "r", context={**SAMPLES["receipt"], "what": "Basic"}, **receipt)
    (letter,) = post_office.letters
    assert "For: Pro" in part(letter, "plain")
    assert outbox.send_due() == 0


def test_a_repetition_takes_nothing_back_and_may_bring_it_forward(
    alice: User, post_office: PostOffice
):
    known = {**SAMPLES["receipt"], "number": "R-2026-000007"}
    late, at_once = {"settles_in": timedelta(hours=1)}, {"settles_in": timedelta(0)}
    queue(alice, "r", template="receipt", context={**known, "what": "Payment"}, **late)
    queue(alice, "r", template="receipt", context={**known, "number": ""}, **at_once)
    assert outbox.send_due() == 1
    (letter,) = post_office.letters
    assert "Number: R-2026-000007" in part(letter, "plain")
    assert "For: Pro" in part(letter, "plain")


def test_many_senders_at_once_send_each_mail_once(alice: User, post_office: PostOffice):
    for number in range(12):
        queue(alice, f"w:{number}")

    def send() -> int:
        try:
            return outbox.send_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as senders:
        assert sum(each.result() for each in [senders.submit(send) for _ in range(4)]) == 12
    assert len(post_office.letters) == 12


def test_a_sender_that_was_killed_is_recognised_by_its_message_id(
    alice: User, post_office: PostOffice
):
    """The server has taken it, and nobody is there to write that down."""
    queue(alice)
    post_office.dies_after_taking = True
    outbox.send_due()
    post_office.dies_after_taking = False
    again_at_once()
    outbox.send_due()
    first, second = post_office.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert Mail.objects.get().status == "sent"


def test_a_claimed_mail_is_left_alone_until_its_lease_is_over(alice: User, post_office):
    queue(alice)
    outbox.claim()
    assert outbox.send_due() == 0
    again_at_once()
    assert outbox.send_due() == 1
    assert Mail.objects.get().attempts == 2


def test_who_lost_the_lease_does_not_undo_what_the_other_did(alice: User, post_office):
    queue(alice)
    late = outbox.claim()
    assert late is not None
    again_at_once()
    outbox.send_due()
    outbox.note_failure(late, TimeoutError())
    assert Mail.objects.get().status == "sent"


def test_a_server_that_is_down_is_tried_later_and_holds_nobody(
    alice: User, post_office: PostOffice, caplog: pytest.LogCaptureFixture
):
    queue(alice)
    post_office.answers["MAIL"] = "451 try again later"
    outbox.send_due()
    mail = Mail.objects.get()
    assert (mail.status, mail.attempts) == ("queued", 1)
    assert mail.next_attempt_at > timezone.now()
    assert "451" in mail.error
    post_office.answers.clear()
    again_at_once()
    outbox.send_due()
    assert Mail.objects.get().status == "sent"
    assert not [each for each in caplog.records if each.name == "alarm"]


def test_a_day_of_failures_is_given_up_with_an_alarm(
    alice: User, post_office: PostOffice, caplog: pytest.LogCaptureFixture
):
    queue(alice)
    post_office.answers["MAIL"] = "451 try again later"
    outbox.send_due()
    Mail.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    again_at_once()
    outbox.send_due()
    assert Mail.objects.get().status == "failed"
    (cry,) = [each for each in caplog.records if each.name == "alarm"]
    assert (cry.levelno, cry.getMessage()) == (logging.ERROR, "mail given up")
    assert "alice" not in str(cry.__dict__)


def test_an_address_that_does_not_exist_is_not_tried_again(alice: User, post_office: PostOffice):
    queue(alice)
    post_office.answers["RCPT"] = "550 no such person"
    outbox.send_due()
    assert Mail.objects.get().status == "failed"


def test_a_broken_mail_does_not_hold_the_others(alice: User, post_office: PostOffice):
    queue(alice, "broken")
    Mail.objects.update(template="no_such_template")
    queue(alice, "fine")
    for _ in range(outbox.ATTEMPTS):
        outbox.send_due()
        again_at_once()
    assert dict(Mail.objects.values_list("key", "status")) == {"broken": "failed", "fine": "sent"}
    assert "no_such_template" in Mail.objects.get(key="broken").error


def test_news_that_is_too_late_is_skipped(alice: User, post_office: PostOffice):
    queue(alice, good_until=timezone.now() - timedelta(seconds=1))
    outbox.send_due()
    assert Mail.objects.get().status == "skipped"
    assert not post_office.letters


def test_a_name_cannot_add_a_header(alice: User, post_office: PostOffice):
    evil = "Key\r\nBcc: everybody@example.com\r\n\r\n<script>alert(1)</script>"
    queue(alice, template="key_expiring", context={**SAMPLES["key_expiring"], "name": evil})
    outbox.send_due()
    (letter,) = post_office.letters
    assert letter["Bcc"] is None
    assert letter["Subject"].strip().startswith("Your API key “Key Bcc: everybody@example.com")
    assert "<script>" not in part(letter, "html")


def test_an_address_cannot_add_a_header(alice: User, post_office: PostOffice):
    queue(alice, to="alice@example.com\r\nBcc: bob@example.com")
    for _ in range(outbox.ATTEMPTS):
        outbox.send_due()
        again_at_once()
    assert Mail.objects.get().status == "failed"
    assert not post_office.letters


@pytest.mark.parametrize("secret", ["sk_" + "0123456789abcdef" * 4, "whsec_0123456789abcdefghijkl"])
def test_no_secret_is_in_a_mail_or_its_row(alice: User, post_office: PostOffice, secret: str):
    context = {**SAMPLES["key_expiring"], "name": f"my {secret}"}
    queue(alice, template="key_expiring", context=context)
    outbox.send_due()
    assert secret not in str(Mail.objects.values().get())
    assert secret not in post_office.letters[0].as_string()


def test_a_mail_that_is_told_too_little_is_refused_at_once(alice: User):
    with pytest.raises(ValueError, match="key_ready is told plan"):
        queue(alice, template="key_ready", context={})


def test_the_last_mail_forgets_whom_it_was_for(alice: User, post_office: PostOffice):
    queue(alice, "welcome")
    queue(alice, "bye", template="account_erased", context=SAMPLES["account_erased"])
    outbox.forget(alice.pk)
    outbox.send_due()
    assert [letter["Subject"] for letter in post_office.letters] == [
        "Your account with Pain Tracker is erased"
    ]
    assert "alice" not in str(list(Mail.objects.values("to", "context", "subject")))


def test_a_worker_that_ends_leaves_what_waits_to_the_others(alice: User, post_office: PostOffice):
    queue(alice)
    ending = threading.Event()
    ending.set()
    assert outbox.send_due(ending=ending) == 0
    assert Mail.objects.get().status == "queued"
    assert outbox.send_due() == 1


def test_a_worker_finds_mails_by_itself(alice: User, post_office: PostOffice):
    """Nothing rings for it, so nothing that is down can keep it from looking."""
    thread = MailThread()
    thread.start()
    try:
        queue(alice)
        eventually(lambda: post_office.letters)
        eventually(lambda: Mail.objects.get().status == "sent")
    finally:
        thread.stop()
    assert not thread.is_alive()
