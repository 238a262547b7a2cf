"""What the process is told from outside: read once, checked here, refused by a variable's name."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dj_database_url
import redis.connection
from pydantic import (
    AliasChoices,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sentry_sdk.utils import Dsn

from billing.provisioning.addresses import Refused, parse
from config.mail_url import mail_settings

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
OFF = {"0", "false", "no", "off"}
PUBLISHED_SECRETS = {"changeme", "secret", "django-insecure"}
PARSERS: dict[str, Callable[[str], Any]] = {
    "database_url": dj_database_url.parse,
    "redis_url": redis.connection.parse_url,
    "email_url": mail_settings,
    "sentry_dsn": Dsn,
}
# Switches of other systems that weaken a check. None of them works here; whoever sets one believes
# that it does. Each with the values that do no harm.
DISARMING = {
    "DJSTRIPE_WEBHOOK_VALIDATION": (
        {"verify_signature"},
        "cannot be changed: every webhook's signature is verified",
    ),
    "DJSTRIPE_WEBHOOK_TOLERANCE": ({"300"}, "cannot be changed: a signature is good for 300 s"),
    "STRIPE_WEBHOOK_TOLERANCE": ({"300"}, "cannot be changed: a signature is good for 300 s"),
    "WEBHOOK_TOLERANCE": ({"300"}, "cannot be changed: a signature is good for 300 s"),
    "TEST_MODE": (OFF, "does not exist: test or live follows from STRIPE_SECRET_KEY"),
    "STRIPE_LIVE_MODE": (OFF, "does not exist: test or live follows from STRIPE_SECRET_KEY"),
    "SKIP_WEBHOOK_VERIFICATION": (OFF, "does not exist: every webhook's signature is verified"),
    "CORS_ALLOW_ALL_ORIGINS": (OFF, "does not exist: FRONTEND_URLS names the origins"),
}
REFUSAL = "Not started, the environment is not right (see .env.example):"


class EnvironmentRefused(SystemExit):
    """A variable is missing, malformed or unsafe; its text names each one."""


class Environment(BaseSettings):
    model_config = SettingsConfigDict(
        # Tests switch the file off: what a developer keeps there must not change their outcome.
        env_file=os.environ.get("ENV_FILE", ".env") or None,
        extra="ignore",
        env_ignore_empty=True,
    )

    secret_key: str = Field(min_length=32)
    debug: bool = False
    allowed_hosts: CommaSeparated = ()
    trusted_proxies: int = Field(0, ge=0, le=5)
    https: bool = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    database_url: str
    database_pool_size: int = Field(10, ge=1, le=200)
    redis_url: str

    frontend_urls: CommaSeparated = ()
    product_url: str = ""
    catalog: str = "pain_tracker"
    # Who stands on invoices and receipts; address lines are parted by |.
    seller_name: str = ""
    seller_address: str = ""
    seller_tax_id: str = ""
    platform_fee_bps: int = Field(1000, ge=0, le=10_000)
    escrow_remind_days: int = Field(7, ge=0, le=365)
    escrow_release_days: int = Field(0, ge=0, le=365)
    registrations_per_minute: int = Field(10, ge=1)
    sign_ins_per_minute: int = Field(10, ge=1)
    # A tenth of what Stripe lets a live account read, so that customers have the rest.
    reconcile_calls_per_second: int = Field(10, ge=1, le=100)
    sockets_per_person: int = Field(50, ge=1)
    sockets_per_address: int = Field(500, ge=1)

    stripe_secret_key: str
    stripe_publishable_key: str = ""
    stripe_webhook_secret: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(validation_alias=AliasChoices("STRIPE_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRETS")),
    ]
    stripe_account: str = ""
    stripe_api_base: str = ""

    paddle_api_key: str = ""
    paddle_webhook_secret: CommaSeparated = ()
    paddle_environment: Literal["sandbox", "production"] = "sandbox"

    email_url: str = "console:"
    default_from_email: str = "billing@localhost"
    sentry_dsn: str = ""
    metrics_token: str = ""
    leak_report_keys: str = ""
    geoip_path: str = ""
    provisioning_webhook_url: str = ""
    provisioning_webhook_secret: CommaSeparated = ()
    provisioning_allow_loopback: bool = False

    @property
    def site_url(self) -> str:
        """Where our own pages are, for links in mails."""
        first = next(iter(self.frontend_urls), "")
        host = next(iter(self.allowed_hosts), "localhost")
        scheme = "https" if self.https else "http"
        return (self.product_url or first or f"{scheme}://{host}").rstrip("/")

    @property
    def livemode(self) -> bool:
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))

    @field_validator(
        "allowed_hosts",
        "frontend_urls",
        "stripe_webhook_secret",
        "paddle_webhook_secret",
        "provisioning_webhook_secret",
        mode="before",
    )
    @classmethod
    def split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("secret_key")
    @classmethod
    def secret_key_is_secret(cls, value: str) -> str:
        if any(value.lower().startswith(word) for word in PUBLISHED_SECRETS):
            raise ValueError("is a published example; make your own")
        return value

    @field_validator("database_url")
    @classmethod
    def database_is_postgresql(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def redis_is_redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://")):
            raise ValueError("must start with redis:// or rediss://")
        return value

    @field_validator("product_url")
    @classmethod
    def one_origin(cls, value: str) -> str:
        return next(iter(cls.origins_only((value,)))) if value else value

    @field_validator("frontend_urls")
    @classmethod
    def origins_only(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.hostname or "*" in origin:
                raise ValueError(f"{origin!r} is not an origin like https://app.example.com")
            if parts.path.rstrip("/") or parts.query or parts.fragment:
                raise ValueError(f"{origin!r} must be an origin, without a path")
        return tuple(origin.rstrip("/") for origin in value)

    @field_validator("stripe_secret_key")
    @classmethod
    def looks_like_a_secret_key(cls, value: str) -> str:
        prefixes = ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
        if not value.startswith(prefixes) or len(value) < 32:
            raise ValueError("must be a Stripe secret key (sk_test_… or sk_live_…)")
        return value

    @field_validator("stripe_webhook_secret")
    @classmethod
    def at_least_one_webhook_secret(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("needs at least one secret; an empty one would accept forged events")
        for secret in value:
            if not secret.startswith("whsec_") or len(secret) < 22:
                raise ValueError("must hold signing secrets that start with whsec_")
        return value

    @field_validator("database_url", "redis_url", "email_url", "sentry_dsn")
    @classmethod
    def can_be_parsed(cls, value: str, info: ValidationInfo) -> str:
        try:
            if value:
                PARSERS[str(info.field_name)](value)
        except (ValueError, KeyError):
            raise ValueError("is not a URL that can be used") from None
        return value

    @field_validator("geoip_path", "leak_report_keys")
    @classmethod
    def file_exists(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError("names a file that does not exist")
        return value

    @field_validator("paddle_webhook_secret")
    @classmethod
    def hard_to_guess(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(secret) < 16 for secret in value):
            raise ValueError("must hold secrets of 16 characters or more")
        return value

    @field_validator("provisioning_webhook_secret")
    @classmethod
    def signs_standard_webhooks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for secret in value:
            encoded = secret.removeprefix("whsec_")
            try:
                key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
            except ValueError:
                key = b""
            if encoded == secret or len(key) < 16:
                raise ValueError("must hold whsec_ and 24 random bytes or so in base64")
        return value

    @model_validator(mode="after")
    def safe_together(self) -> Environment:
        rules = [*self._rules(), *(self._rules_with_a_live_key() if self.livemode else [])]
        if refused := [sentence for broken, sentence in rules if broken]:
            raise ValueError("\n  ".join(refused))
        return self

    def _rules(self) -> list[tuple[bool, str]]:
        base, key = self.stripe_api_base, self.stripe_publishable_key
        wrong_mode = bool(key) and key.startswith("pk_live_") != self.livemode
        return [
            (
                bool(base) and urlsplit(base).hostname not in LOOPBACK,
                "STRIPE_API_BASE may only point at a sandbox on this machine",
            ),
            (
                any("*" in host for host in self.allowed_hosts),
                "ALLOWED_HOSTS must name the hosts; a wildcard lets anyone pose as you",
            ),
            (
                not self.debug and (len(self.secret_key) < 50 or len(set(self.secret_key)) < 5),
                "SECRET_KEY needs 50 random characters or more when DEBUG is off",
            ),
            (
                not self.debug and not self.allowed_hosts,
                "ALLOWED_HOSTS is needed when DEBUG is off",
            ),
            (
                wrong_mode,
                "STRIPE_PUBLISHABLE_KEY is not of the same mode as STRIPE_SECRET_KEY",
            ),
            (
                bool(self.provisioning_webhook_url) and not self.provisioning_webhook_secret,
                "PROVISIONING_WEBHOOK_SECRET is needed where PROVISIONING_WEBHOOK_URL is set",
            ),
            (
                self.provisioning_allow_loopback and self.https and not self.debug,
                "PROVISIONING_ALLOW_LOOPBACK is for a machine of one's own, with HTTPS off",
            ),
            (
                not self._may_be_told(),
                "PROVISIONING_WEBHOOK_URL must be https, without a password or a fragment",
            ),
        ]

    def _may_be_told(self) -> bool:
        url = self.provisioning_webhook_url
        try:
            return not url or bool(parse(url, loopback=self.provisioning_allow_loopback))
        except Refused:
            return False

    def _rules_with_a_live_key(self) -> list[tuple[bool, str]]:
        plain = any(url.startswith("http://") for url in self.frontend_urls)
        return [
            (self.debug, "DEBUG must be off with a live Stripe key"),
            (
                self.provisioning_allow_loopback,
                "PROVISIONING_ALLOW_LOOPBACK must be off with a live Stripe key",
            ),
            (not self.https, "HTTPS must be on with a live Stripe key"),
            (plain, "FRONTEND_URLS must be https:// with a live Stripe key"),
            (
                bool(self.stripe_api_base),
                "STRIPE_API_BASE must not be set with a live Stripe key",
            ),
            (
                bool(self.paddle_api_key) and self.paddle_environment == "sandbox",
                "PADDLE_ENVIRONMENT must be production with a live Stripe key",
            ),
        ]


def read_environment() -> Environment:
    disarmed = [f"{name} {DISARMING[name][1]}" for name in DISARMING if _disarms(name)]
    if disarmed:
        raise EnvironmentRefused("\n  ".join([REFUSAL, *disarmed]))
    try:
        return Environment()
    except ValidationError as refused:
        raise EnvironmentRefused("\n  ".join([REFUSAL, *_in_words(refused)])) from None


def _disarms(name: str) -> bool:
    harmless, _ = DISARMING[name]
    return os.environ.get(name, "").strip().lower() not in {"", *harmless}


def _in_words(refused: ValidationError) -> Iterator[str]:
    for error in refused.errors(include_input=False, include_url=False):
        reason = "is missing" if error["type"] == "missing" else error["msg"]
        reason = reason.removeprefix("Value error, ").replace("Input should", "should")
        yield " ".join([*(str(part).upper() for part in error["loc"][:1]), reason])
