"""What a rule raises when it says no, and how every door words it."""

from __future__ import annotations

import logging
from typing import Any

from drf_standardized_errors.handler import ExceptionHandler
from rest_framework.exceptions import APIException
from rest_framework.response import Response

log = logging.getLogger(__name__)


class AppError(Exception):
    """A refusal with a stable `code` for programs and a `detail` that says what to do."""

    code = "error"
    status = 400
    detail = "This is not possible."

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


class ErrorHandler(ExceptionHandler):  # type: ignore[misc]
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if not isinstance(exc, AppError):
            return super().convert_known_exceptions(exc)
        if exc.attr:
            # A dict puts the field's name into `attr`.
            refusal = APIException({exc.attr: [exc.detail]}, code=exc.code)
        else:
            refusal = APIException(exc.detail, code=exc.code)
        refusal.status_code = exc.status
        return refusal

    def report_exception(self, exc: APIException, response: Response) -> None:
        if exc.status_code in (502, 503):
            log.warning("answered %s: %s", exc.status_code, self.exc, exc_info=self.exc)
            return
        super().report_exception(exc, response)


def as_words(exc: BaseException) -> str:
    """One line for a log or a row; never a secret, as nothing of a request's body is in it."""
    return f"{type(exc).__name__}: {exc}"[:500]


def error_body(*, code: str, detail: str, status: int, attr: str | None = None) -> dict[str, Any]:
    """The contract's error shape, for doors that stand before DRF."""
    kind = "server_error" if status >= 500 else "client_error"
    return {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}
