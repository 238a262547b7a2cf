"""From a row to a message. The text part is read off the HTML part, so that both say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from billing.mails.models import Mail

_names: list[Callable[[], str]] = []


def call_product(name: Callable[[], str]) -> None:
    """Whose mails these are; told once, at the start (billing/apps.py)."""
    _names[:] = [name]


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str


def compose(mail: Mail) -> EmailMultiAlternatives:
    letter = render(mail.template, mail.context)
    headers = {
        "Message-ID": mail.message_id,
        # Nobody's holiday reply is wanted, and no mail is a conversation with another.
        "Auto-Submitted": "auto-generated",
        "X-Entity-Ref-ID": str(mail.pk),
    }
    message = EmailMultiAlternatives(letter.subject, letter.text, to=[mail.to], headers=headers)
    message.attach_alternative(letter.html, "text/html")
    return message


def render(template: str, context: dict[str, Any]) -> Letter:
    surroundings = {
        "product": _names[0](),
        "site": settings.SITE_URL,
        "test_mode": not settings.STRIPE_LIVE_MODE,
    }
    html = render_to_string(f"emails/{template}.html", {**context, **surroundings})
    reader = Reader()
    reader.feed(html)
    reader.close()
    return Letter(reader.subject, reader.text, html)


class Reader(HTMLParser):
    """Reads one of our own mails aloud: its title is the subject, the rest is text."""

    PARAGRAPHS = frozenset({"p", "h1", "table", "ul"})
    LINES = PARAGRAPHS | {"tr", "li"}
    SILENT = frozenset({"style", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._title: list[str] = []
        self._lines: list[str] = [""]
        self._within: list[str] = []
        self._href = ""

    @property
    def subject(self) -> str:
        """On one line, whatever somebody has put into a name: a header ends where a line does."""
        return " ".join("".join(self._title).split())

    @property
    def text(self) -> str:
        text = "\n".join(" ".join(line.split()) for line in self._lines)
        while "\n\n\n" in text:
            text = text.replace("\n\n\n", "\n\n")
        return text.strip() + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within.append(tag)
        if tag in self.LINES:
            self._break(tag)
        if tag == "li":
            self._lines[-1] += "- "
        if tag == "a":
            self._href = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass
        if tag == "a" and self._href:
            self._lines[-1] += f": {self._href}"
        if tag == "th":
            self._lines[-1] += ": "
        if tag in self.LINES:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if "title" in self._within:
            self._title.append(data)
        elif not self.SILENT.intersection(self._within):
            self._lines[-1] += data.replace("\n", " ")

    def _break(self, tag: str) -> None:
        if self._lines[-1].strip():
            self._lines.append("")
        if tag in self.PARAGRAPHS:
            self._lines.append("")
