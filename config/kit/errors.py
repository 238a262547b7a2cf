"""What a rule raises when it says no. Models import this, so it must not import DRF."""

from __future__ import annotations

from typing import Any


class AppError(Exception):
    """A refusal with a stable `code` for programs and a `detail` that says what to do."""

    code = "error"
    status = 400
    detail = "This is not possible."
    # Seconds for `Retry-After`, and the challenge for `WWW-Authenticate`.
    wait: float | None = None
    auth_header = ""

    def __init__(self, detail: str = "", *, attr: str | None = None) -> None:
        self.detail = detail or self.detail
        self.attr = attr
        super().__init__(self.detail)


class ServiceDown(AppError):
    """A part that the answer needs is not there; nothing was done."""

    code = "service_unavailable"
    status = 503
    detail = "Temporarily not available; try again in a few seconds."


class ProviderFailed(AppError):
    """The payment provider did not do it; our own side is unchanged or will be reconciled."""

    code = "provider_failed"
    status = 502
    detail = "The payment provider did not answer as expected; try again."


def as_words(exc: BaseException) -> str:
    """One line for a log or a row; never a secret, as nothing of a request's body is in it."""
    return f"{type(exc).__name__}: {exc}"[:500]


def error_body(*, code: str, detail: str, status: int, attr: str | None = None) -> dict[str, Any]:
    """The contract's error shape, for doors that stand before DRF."""
    kind = "server_error" if status >= 500 else "client_error"
    return {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}
