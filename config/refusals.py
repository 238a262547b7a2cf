"""What Django itself refuses: in the API's error shape there, as a page elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from config.kit.errors import error_body


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_programs(request):
        return refused(400, "bad_request", "This request cannot be understood.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_programs(request):
        return refused(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_programs(request):
        return refused(404, "not_found", "There is nothing here; /api/docs lists what there is.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if for_programs(request):
        return refused(500, "error", "Something failed on our side; it has been recorded.")
    return defaults.server_error(request)


class LengthMiddleware:
    """Django takes a body of unannounced length for none, and would ask for the fields in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            return refused(411, "length_required", "Send the body with its Content-Length.")
        return self.get_response(request)


def for_programs(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def refused(status: int, code: str, detail: str) -> JsonResponse:
    body: dict[str, Any] = error_body(code=code, detail=detail, status=status)
    return JsonResponse(body, status=status)
