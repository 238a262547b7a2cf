"""What the mails' templates say amounts, times and links with. Styles stand on the elements: many
mail programs know no other."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.template import Library
from django.urls import reverse
from django.utils.dateformat import format as worded
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.kit.money import Money

register = Library()

BUTTON = (
    "display:inline-block;padding:12px 22px;border-radius:8px;background:#155dfc;color:#ffffff;"
    "font-weight:600;text-decoration:none"
)
NAME = (
    "padding:6px 16px 6px 0;text-align:left;font-weight:400;color:#6a7282;vertical-align:top;"
    "white-space:nowrap"
)
FACT = "padding:6px 0;text-align:right;color:#101828;font-weight:500;overflow-wrap:anywhere"

ROW = (
    '<tr><th scope="row" class="faint" style="{}">{}</th><td class="strong" style="{}">{}</td></tr>'
)
TABLE = (
    '<table class="facts" width="100%" cellspacing="0" cellpadding="0" style="margin:20px 0;'
    'border-top:1px solid #e2e5ea;border-bottom:1px solid #e2e5ea">{}</table>'
)


@register.filter
def money(amount: int | None, currency: str) -> str:
    """Empty where there is none."""
    return "" if amount is None else str(Money(amount, currency))


@register.filter
def every(amount: str, interval: str) -> str:
    """`$19.00` → `$19.00 per month`"""
    return f"{amount} per {interval}" if interval in ("month", "year") else amount


@register.filter
def day(at: str | datetime | None) -> str:
    """`5 December 2026`"""
    return worded(instant(at), "j F Y") if at else ""


@register.filter
def moment(at: str | datetime | None) -> str:
    """`5 December 2026, 14:05 UTC`"""
    return worded(instant(at), "j F Y, H:i") + " UTC" if at else ""


def instant(at: str | datetime) -> datetime:
    """Contexts are JSON: a row's times have become text."""
    told = datetime.fromisoformat(at) if isinstance(at, str) else at
    return told.astimezone(UTC)


@register.filter
def spoken(name: str) -> str:
    """`pain_entry` → `pain entry`"""
    return name.replace("_", " ").replace("-", " ")


@register.filter
def number(count: int) -> str:
    return f"{count:,}"


@register.simple_tag
def address(name: str) -> str:
    return settings.SITE_URL + reverse(name)


@register.simple_tag
def button(name: str, words: str) -> SafeString:
    """The one thing to do, on one of our own pages."""
    link = format_html(
        '<a class="button" href="{}" target="_blank" style="{}">{}</a>',
        address(name),
        BUTTON,
        words,
    )
    return format_html('<p style="margin:24px 0">{}</p>', link)


@register.simple_tag
def facts(*pairs: str | int | None) -> SafeString:
    """Names and values in turn; what has no value is left out."""
    told = [(NAME, name, FACT, value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)]
    rows = format_html_join("", ROW, (row for row in told if row[3] not in (None, "")))
    return format_html(TABLE, rows)
