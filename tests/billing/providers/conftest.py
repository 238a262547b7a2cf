from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe


@pytest.fixture
def calls_to_stripe(settings, monkeypatch) -> Iterator[list[str]]:
    """A Stripe that notes who calls. The package's own client is put back, so that calls arrive."""
    calls: list[str] = []

    class Stripe(BaseHTTPRequestHandler):
        def answer(self) -> None:
            calls.append(f"{self.command} {self.path}")
            self.send_response(500)
            self.end_headers()

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Stripe)
    address = f"http://127.0.0.1:{server.server_port}"
    settings.STRIPE_API_BASE = address
    monkeypatch.setattr(stripe, "api_base", address)
    monkeypatch.setattr(stripe, "max_network_retries", 0)
    monkeypatch.setattr(stripe, "default_http_client", stripe.RequestsClient(timeout=2))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield calls
    server.shutdown()
    thread.join()
    server.server_close()
