"""How every JSON door words a refusal."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from config.kit.errors import AppError

log = logging.getLogger(__name__)


class TooLarge(AppError):
    code = "too_large"
    status = 413
    detail = f"A request takes {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes at most."


class Refusal(APIException):
    """DRF reads status and headers off its own kind of exception."""

    def __init__(self, error: AppError) -> None:
        # A dict puts the field's name into `attr`.
        detail = {error.attr: [error.detail]} if error.attr else error.detail
        super().__init__(detail, code=error.code)
        self.status_code = error.status
        self.wait, self.auth_header = error.wait, error.auth_header


class ErrorHandler(ExceptionHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, RequestDataTooBig):
            exc = TooLarge()
        if not isinstance(exc, AppError):
            return super().convert_known_exceptions(exc)
        return Refusal(exc)

    def report_exception(self, exc: APIException, response: Response) -> None:
        if exc.status_code in (502, 503):
            log.warning("answered %s: %s", exc.status_code, self.exc, exc_info=self.exc)
            return
        super().report_exception(exc, response)
