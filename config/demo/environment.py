"""What the demo's programs are told, from the options, the caller's environment, kept secrets."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from config.demo.card import write_private
from config.demo.options import Options
from config.fingerprint import ROOT

STRIPE = ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET")
PROVISIONING = ("PROVISIONING_WEBHOOK_URL", "PROVISIONING_WEBHOOK_SECRET")
PREFIXES = {
    "SECRET_KEY": "",
    "STRIPE_SECRET_KEY": "sk_test_",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_",
    "STRIPE_WEBHOOK_SECRET": "whsec_",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_",
    "PADDLE_WEBHOOK_SECRET": "pdl_ntfset_",
}


def given_from_outside() -> dict[str, str]:
    file = os.environ.get("ENV_FILE", str(ROOT / ".env"))
    kept = dotenv_values(file) if file else {}
    return {name: value for name, value in {**kept, **os.environ}.items() if value}


def wants_real_stripe(given: Mapping[str, str]) -> bool:
    return "STRIPE_SECRET_KEY" in given and "STRIPE_API_BASE" not in given


def make_environment(
    options: Options,
    *,
    given: Mapping[str, str],
    folder: Path,
    database_url: str,
    redis_url: str,
) -> dict[str, str]:
    """All that `manage.py` needs to talk to this demo, whatever the caller's own environment."""
    keys = kept_secrets(folder)
    stripe = given if wants_real_stripe(given) else of_sandbox(keys)
    sandbox = "" if wants_real_stripe(given) else f"http://127.0.0.1:{options.sandbox_port}"
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": keys["SECRET_KEY"],
        "DEBUG": "false",
        "HTTPS": "false",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "FRONTEND_URLS": f"http://127.0.0.1:{options.port},http://localhost:{options.port}",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CATALOG": options.catalog,
        "REGISTRATIONS_PER_MINUTE": given.get("REGISTRATIONS_PER_MINUTE", "30"),
        # Whoever tries the demo may open as many sockets as they like, from one machine.
        "SOCKETS_PER_PERSON": "10000",
        "SOCKETS_PER_ADDRESS": "10000",
        "PADDLE_WEBHOOK_SECRET": keys["PADDLE_WEBHOOK_SECRET"],
        # Whoever tries the demo has their receiver on the same machine.
        "PROVISIONING_ALLOW_LOOPBACK": "true",
        **{name: given[name] for name in PROVISIONING if name in given},
        **{name: stripe.get(name, "") for name in STRIPE},
        "STRIPE_API_BASE": sandbox,
    }


def of_sandbox(keys: Mapping[str, str]) -> dict[str, str]:
    """As at Stripe, its two endpoints, for our own account and for those connected to it, have a
    secret each."""
    both = (keys["STRIPE_WEBHOOK_SECRET"], keys["STRIPE_CONNECT_WEBHOOK_SECRET"])
    return {**keys, "STRIPE_WEBHOOK_SECRET": ",".join(both)}


def kept_secrets(folder: Path) -> dict[str, str]:
    """Those of an older demo are kept as well, and get what is new beside them."""
    file = folder / "secrets.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    if PREFIXES.keys() - kept.keys():
        fresh = {name: prefix + secrets.token_hex(32) for name, prefix in PREFIXES.items()}
        kept = fresh | kept
        write_private(file, kept)
    return kept
