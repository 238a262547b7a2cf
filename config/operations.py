"""What those who run the product ask it: is it alive, is it ready, how much does it do.

The three probes are answered before anything else looks at the request: who asks names no host of
ours, comes without HTTPS and has no session. `/metrics` says nothing about anyone; a proxy keeps it
inside (see Caddyfile), or METRICS_TOKEN does.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

import prometheus_client
import redis
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from billing.mails.models import Mail
from billing.webhooks.models import WebhookEvent
from billing.webhooks.worker import last_beat
from config.kit.measuring import answered
from config.kit.redis_client import redis_client

# Two beats may be missed before somebody is woken.
SILENCE = timedelta(seconds=15)


def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    parts: dict[str, str | float | None] = {
        "database": "down",
        "redis": state_of_redis(),
        "worker": "unknown",
        "inbox_lag_seconds": None,
    }
    try:
        parts["inbox_lag_seconds"] = inbox_lag_seconds()
        parts["database"] = "ok"
        beat = last_beat()
        parts["worker"] = "ok" if beat and timezone.now() - beat < SILENCE else "down"
    except DatabaseError:
        pass
    ready = all(parts[name] == "ok" for name in ("database", "redis", "worker"))
    return JsonResponse(parts, status=200 if ready else 503)


def state_of_redis() -> str:
    try:
        redis_client().ping()
    except redis.RedisError:
        return "down"
    return "ok"


def inbox_lag_seconds() -> float:
    waiting = WebhookEvent.objects.filter(status=WebhookEvent.Status.RECEIVED)
    oldest = waiting.aggregate(oldest=Min("received_at"))["oldest"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def metrics(request: HttpRequest) -> HttpResponse:
    offered = request.headers.get("Authorization", "").encode()
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    if settings.METRICS_TOKEN and not hmac.compare_digest(offered, wanted):
        return HttpResponse("Give METRICS_TOKEN as a bearer token.\n", status=401)
    registry = prometheus_client.CollectorRegistry()
    registry.register(UndoneCollector())
    exposition = prometheus_client.generate_latest(registry)
    exposition += prometheus_client.generate_latest(counted_by_all_processes())
    return HttpResponse(exposition, content_type=prometheus_client.CONTENT_TYPE_LATEST)


def counted_by_all_processes() -> prometheus_client.CollectorRegistry:
    """With PROMETHEUS_MULTIPROC_DIR each process counts in a file, and all of them are added up."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return prometheus_client.REGISTRY
    registry = prometheus_client.CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


class UndoneCollector(Collector):
    """Read when asked; what is done is not counted, as that would read the whole table."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("database_up", "1 where the database answers.")
        try:
            found = [*self._inbox(), *self._mails()]
        except DatabaseError:
            found = []
        up.add_metric([], 1 if found else 0)
        return [up, *found]

    def _inbox(self) -> Iterable[Metric]:
        lag = GaugeMetricFamily("inbox_lag_seconds", "Age of the oldest event that waits.")
        lag.add_metric([], inbox_lag_seconds())
        yield lag
        open_states = [WebhookEvent.Status.RECEIVED, WebhookEvent.Status.FAILED]
        waiting = WebhookEvent.objects.filter(status__in=open_states).order_by()
        counts = dict(waiting.values_list("status").annotate(Count("id")))
        events = GaugeMetricFamily("inbox_events", "Events not done, by status.", labels=["status"])
        for state in open_states:
            events.add_metric([state.value], counts.get(state, 0))
        yield events

    def _mails(self) -> Iterable[Metric]:
        open_states = [*Mail.WAITING, Mail.Status.FAILED]
        undone = Mail.objects.filter(status__in=open_states).order_by()
        counts = dict(undone.values_list("status").annotate(Count("id")))
        mails = GaugeMetricFamily("mails", "Mails not sent, by status.", labels=["status"])
        for state in open_states:
            mails.add_metric([state.value], counts.get(state, 0))
        yield mails


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class OperationsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if probe := PROBES.get(request.path_info):
            return probe(request)
        started = time.perf_counter()
        response = self.get_response(request)
        view = request.resolver_match.route if request.resolver_match else "unmatched"
        seconds = time.perf_counter() - started
        answered(request.method or "", view, response.status_code, seconds)
        return response


class Documentation(SpectacularSwaggerSplitView):
    """Swagger UI from our own files, with its script apart, as our Content Security Policy asks."""

    template_name = "operations/documentation.html"


urlpatterns = [
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", Documentation.as_view(), name="documentation"),
]
