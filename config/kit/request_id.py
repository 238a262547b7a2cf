"""One id per request, the caller's `X-Request-ID` or made here, carried into logs and tasks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
current: ContextVar[str] = ContextVar("request_id", default="")


def accept(offered: str | None) -> str:
    if offered and ACCEPTABLE.fullmatch(offered):
        return offered
    return f"{random.getrandbits(128):032x}"


class RequestIDMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = accept(request.headers.get("X-Request-ID"))
        token = current.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            current.reset(token)
        response["X-Request-ID"] = request_id
        return response
