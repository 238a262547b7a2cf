from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.embedded import free_port
from config.env import Environment, EnvironmentRefused, read_environment
from config.fingerprint import ROOT

GOOD = {
    "SECRET_KEY": "0123456789" * 6,
    "ALLOWED_HOSTS": "billing.example.com",
    "DATABASE_URL": "postgresql://app:pw@db.example.com/app",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "FRONTEND_URLS": "https://billing.example.com",
    "STRIPE_SECRET_KEY": "sk_test_" + "a1b2c3d4" * 4,
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "a1b2c3d4" * 4,
}
LIVE = {"STRIPE_SECRET_KEY": "sk_live_" + "a1b2c3d4" * 4}
MISSING = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
TOLD = {"PROVISIONING_WEBHOOK_SECRET": "whsec_" + "a1b2c3d4" * 4}
REFUSED = [
    *[({name: ""}, name) for name in (*MISSING, "ALLOWED_HOSTS")],
    ({"SECRET_KEY": "short"}, "SECRET_KEY"),
    ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
    ({"SECRET_KEY": "django-insecure-0123456789-0123456789-0123456789"}, "SECRET_KEY"),
    ({"DEBUG": "perhaps"}, "DEBUG"),
    ({"DEBUG": "true", **LIVE}, "DEBUG"),
    ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": "billing.example.com,*.example.com"}, "ALLOWED_HOSTS"),
    ({"DATABASE_URL": "sqlite:///db.sqlite3"}, "DATABASE_URL"),
    ({"DATABASE_URL": "postgresql://app@db:port/app"}, "DATABASE_URL"),
    ({"REDIS_URL": "memory://"}, "REDIS_URL"),
    ({"FRONTEND_URLS": "https://*.example.com"}, "FRONTEND_URLS"),
    ({"FRONTEND_URLS": "*"}, "FRONTEND_URLS"),
    ({"FRONTEND_URLS": "https://app.example.com/path"}, "FRONTEND_URLS"),
    ({"FRONTEND_URLS": "http://app.example.com", **LIVE}, "FRONTEND_URLS"),
    ({"HTTPS": "false", **LIVE}, "HTTPS"),
    ({"STRIPE_SECRET_KEY": "pk_test_" + "a" * 32}, "STRIPE_SECRET_KEY"),
    ({"STRIPE_PUBLISHABLE_KEY": "pk_live_" + "a" * 32}, "STRIPE_PUBLISHABLE_KEY"),
    ({"STRIPE_WEBHOOK_SECRET": " , "}, "STRIPE_WEBHOOK_SECRET"),
    ({"STRIPE_WEBHOOK_SECRET": "whsec_"}, "STRIPE_WEBHOOK_SECRET"),
    ({"STRIPE_API_BASE": "https://api.evil.example"}, "STRIPE_API_BASE"),
    ({"STRIPE_API_BASE": "http://127.0.0.1:12111", **LIVE}, "STRIPE_API_BASE"),
    ({"PADDLE_WEBHOOK_SECRET": "short"}, "PADDLE_WEBHOOK_SECRET"),
    ({"PADDLE_ENVIRONMENT": "live"}, "PADDLE_ENVIRONMENT"),
    ({"PADDLE_API_KEY": "pdl_sdbx_1", **LIVE}, "PADDLE_ENVIRONMENT"),
    ({"PLATFORM_FEE_BPS": "10001"}, "PLATFORM_FEE_BPS"),
    ({"EMAIL_URL": "pigeon://loft"}, "EMAIL_URL"),
    ({"SENTRY_DSN": "nonsense"}, "SENTRY_DSN"),
    ({"GEOIP_PATH": "/nowhere.mmdb"}, "GEOIP_PATH"),
    ({"PROVISIONING_WEBHOOK_URL": "https://p.example.com"}, "PROVISIONING_WEBHOOK_SECRET"),
    ({"PROVISIONING_WEBHOOK_SECRET": "a" * 40}, "PROVISIONING_WEBHOOK_SECRET"),
    ({"PROVISIONING_WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "PROVISIONING_WEBHOOK_SECRET"),
    ({"PROVISIONING_WEBHOOK_SECRET": "whsec_" + "%" * 40}, "PROVISIONING_WEBHOOK_SECRET"),
    ({"PROVISIONING_WEBHOOK_URL": "http://p.example.com", **TOLD}, "PROVISIONING_WEBHOOK_URL"),
    ({"PROVISIONING_WEBHOOK_URL": "https://a:b@example.com", **TOLD}, "PROVISIONING_WEBHOOK_URL"),
    ({"PROVISIONING_ALLOW_LOOPBACK": "true"}, "PROVISIONING_ALLOW_LOOPBACK"),
    ({"DJSTRIPE_WEBHOOK_VALIDATION": "None"}, "DJSTRIPE_WEBHOOK_VALIDATION"),
    ({"DJSTRIPE_WEBHOOK_TOLERANCE": "0"}, "DJSTRIPE_WEBHOOK_TOLERANCE"),
    ({"STRIPE_WEBHOOK_TOLERANCE": "0"}, "STRIPE_WEBHOOK_TOLERANCE"),
    ({"TEST_MODE": "1"}, "TEST_MODE"),
]


def environment(**changes: str) -> dict[str, str]:
    unset = dict.fromkeys((name.upper() for name in Environment.model_fields), "")
    return {**os.environ, **unset, **GOOD, "ENV_FILE": "", **changes}


def run(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("changes", "name"), REFUSED)
def test_an_unsafe_or_malformed_variable_is_refused_by_its_name(changes, name, monkeypatch):
    for variable, value in environment(**changes).items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(EnvironmentRefused) as refused:
        read_environment()
    _, *sentences = str(refused.value).split("\n")
    assert [sentence.split()[0] for sentence in sentences] == [name]


def test_every_problem_is_told_at_once():
    refused = run("manage.py", "check", SECRET_KEY="", REDIS_URL="memory://", DATABASE_URL="")
    for name in ("SECRET_KEY", "REDIS_URL", "DATABASE_URL"):
        assert name in refused.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "check"),
        ("-m", "celery", "-A", "config.celery", "worker"),
        ("-m", "uvicorn", "config.asgi:application", "--port", str(free_port())),
        ("-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
    ],
)
def test_every_kind_of_process_refuses_in_words(command):
    refused = run(*command, SECRET_KEY="")
    assert refused.returncode == 1
    assert "SECRET_KEY is missing" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_refusal_never_shows_a_secret():
    refused = run("manage.py", "check", STRIPE_WEBHOOK_SECRET="mistyped-and-still-secret")
    assert "STRIPE_WEBHOOK_SECRET" in refused.stderr
    assert "still-secret" not in refused.stderr


@pytest.mark.parametrize("stripe", [{}, LIVE])
def test_production_settings_pass_djangos_deployment_check(stripe):
    # Some checks ask the database.
    real = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    checked = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **real, **stripe)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout
