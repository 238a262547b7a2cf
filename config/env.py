"""What the process is told from outside: read once, checked here, refused by a variable's name."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
PUBLISHED_SECRETS = {"changeme", "secret", "django-insecure"}


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
    catalog: str = "pain_tracker"
    platform_fee_bps: int = Field(1000, ge=0, le=10_000)
    registrations_per_minute: int = Field(10, ge=1)
    sign_ins_per_minute: int = Field(10, ge=1)

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
    geoip_path: str = ""
    provisioning_webhook_url: str = ""
    provisioning_webhook_secret: str = ""

    @property
    def livemode(self) -> bool:
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))

    @field_validator(
        "allowed_hosts",
        "frontend_urls",
        "stripe_webhook_secret",
        "paddle_webhook_secret",
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

    @model_validator(mode="after")
    def nothing_unsafe_in_production(self) -> Environment:
        if self.stripe_api_base:
            host = urlsplit(self.stripe_api_base).hostname
            if self.livemode:
                raise ValueError("STRIPE_API_BASE must not be set with a live key")
            if host not in LOOPBACK:
                raise ValueError("STRIPE_API_BASE may only point at a sandbox on this machine")
        if "*" in self.allowed_hosts:
            raise ValueError(
                "ALLOWED_HOSTS must name the hosts; a wildcard lets anyone pose as you"
            )
        if not self.debug and not self.allowed_hosts:
            raise ValueError("ALLOWED_HOSTS is needed when DEBUG is off")
        if self.debug and self.livemode:
            raise ValueError("DEBUG must be off with a live Stripe key")
        if self.livemode and not self.https:
            raise ValueError("HTTPS must be on with a live Stripe key")
        if self.livemode and any(url.startswith("http://") for url in self.frontend_urls):
            raise ValueError("FRONTEND_URLS must be https:// with a live Stripe key")
        return self


def read_environment() -> Environment:
    try:
        return Environment()
    except ValidationError as refused:
        raise EnvironmentRefused(_in_words(refused)) from None


def _in_words(refused: ValidationError) -> str:
    lines = ["Not started, the environment is not right (see .env.example):"]
    for error in refused.errors(include_input=False, include_url=False):
        name = str(error["loc"][0]).upper() if error["loc"] else ""
        reason = "is missing" if error["type"] == "missing" else error["msg"]
        lines.append(f"  {name} {reason.removeprefix('Value error, ')}".replace("   ", "  "))
    return "\n".join(lines)
