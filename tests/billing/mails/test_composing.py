from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from billing.mails.composing import Letter, render
from billing.mails.samples import SAMPLES

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "emails"
ALL = pytest.mark.parametrize("template", SAMPLES)


def visible(html: str) -> list[str]:
    """The words of the HTML part, links apart."""
    body = re.sub(r"<(style|title).*?</\1>", " ", html, flags=re.S)
    return re.findall(r"\w+", without_links(unescape(re.sub(r"<[^>]+>", " ", body))))


def without_links(text: str) -> str:
    return re.sub(r"https?://\S+", " ", text)


def test_every_template_has_an_example():
    files = {file.stem for file in TEMPLATES.glob("*.html")} - {"layout"}
    assert files == set(SAMPLES)


@ALL
def test_text_and_html_say_the_same(template: str):
    letter = render(template, SAMPLES[template])
    assert re.findall(r"\w+", without_links(letter.text)) == visible(letter.html)


@ALL
def test_links_are_whole_and_in_both_parts(template: str):
    letter = render(template, SAMPLES[template])
    links = re.findall(r'href="([^"]*)"', letter.html)
    assert links
    for link in links:
        assert link.startswith(f"{settings.SITE_URL}/") or link == settings.SITE_URL
        assert link in letter.text


@ALL
def test_the_subject_is_short_and_the_first_line_says_what_happened(template: str):
    letter = render(template, SAMPLES[template])
    assert 10 < len(letter.subject) <= 70
    assert letter.text.split("\n\n")[1].endswith((".", "!"))


@ALL
def test_nothing_is_empty_or_raw(template: str):
    letter = render(template, SAMPLES[template])
    assert not re.search(r"None|\{\{|\{%|\d{4}-\d\d-\d\dT", letter.text + letter.subject)


@ALL
def test_a_mail_goes_without_what_is_not_known(template: str):
    unknown = {name: _less(value) for name, value in SAMPLES[template].items()}
    assert "None" not in render(template, unknown).text


def _less(value: Any) -> Any:
    return "" if isinstance(value, str) and value[:2] not in ("20", "us") else value


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(1900, "usd", "$19.00"), (500, "jpy", "¥500"), (5120, "kwd", "KWD 5.120")],
)
def test_amounts_are_right_in_every_currency(amount: int, currency: str, shown: str):
    receipt = {**SAMPLES["receipt"], "amount": amount, "currency": currency}
    letter = render("receipt", receipt)
    assert shown in letter.subject
    assert f"Total: {shown}\n" in letter.text


def test_times_are_said_in_words_and_in_utc():
    at = {"paid_at": "2026-12-05T15:05:00+01:00"}
    assert "5 December 2026, 14:05 UTC" in render("receipt", SAMPLES["receipt"] | at).text


def test_without_a_card_the_trial_mail_asks_for_one():
    assert "Add a card: " in render("trial_ending", SAMPLES["trial_ending"] | {"method": ""}).text


def test_what_people_call_their_things_is_text_only():
    name = "<b>&amp;</b>"
    letter: Letter = render("key_expiring", SAMPLES["key_expiring"] | {"name": name})
    assert "<b>" not in letter.html
    assert f"Key: {name}\n" in letter.text
