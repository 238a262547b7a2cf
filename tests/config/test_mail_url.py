from __future__ import annotations

from typing import Any

import pytest
from django.core.mail import get_connection

from config.mail_url import SERVICES, mail_settings


def test_smtp_is_djangos():
    told = mail_settings("smtp://me%40example.com:pass@mail.example.com:587/?tls=True")
    assert told["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert (told["EMAIL_HOST"], told["EMAIL_PORT"]) == ("mail.example.com", 587)
    assert (told["EMAIL_HOST_USER"], told["EMAIL_USE_TLS"]) == ("me@example.com", True)


@pytest.mark.parametrize("service", SERVICES)
def test_every_mail_service_starts_with_its_key(service: str, settings: Any):
    """Anymail refuses to be made without what it needs."""
    for name, value in mail_settings(f"{service}://key:secret@mg.example.com").items():
        setattr(settings, name, value)
    made: Any = get_connection()
    assert made.esp_name.lower() == service


def test_further_settings_follow_the_question_mark():
    told = mail_settings("mailgun://k@mg.example.com?api_url=https://api.eu.mailgun.net/v3")
    assert told["ANYMAIL"]["MAILGUN_API_KEY"] == "k"
    assert told["ANYMAIL"]["MAILGUN_SENDER_DOMAIN"] == "mg.example.com"
    assert told["ANYMAIL"]["MAILGUN_API_URL"] == "https://api.eu.mailgun.net/v3"


@pytest.mark.parametrize("url", ["postmark://", "postmark://@", "mailjet://key@", "gopher://x"])
def test_a_url_that_cannot_be_used_is_refused(url: str):
    with pytest.raises((ValueError, KeyError)):
        mail_settings(url)
