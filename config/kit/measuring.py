"""What is counted of each answered request, whichever door answered."""

from __future__ import annotations

import prometheus_client

requests = prometheus_client.Counter(
    "http_requests", "Answered requests.", ["method", "view", "status"]
)
latency = prometheus_client.Histogram("http_request_seconds", "From request to answer.", ["view"])


def answered(method: str, view: str, status: int, seconds: float) -> None:
    """`view` is the route, never the path: ids are nobody's business and would make endless
    series."""
    requests.labels(method, view, status).inc()
    latency.labels(view).observe(seconds)
