"""Whoever is told of access, as a real HTTP server of the tests."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Keeps what it was sent, and answers as it is told: a status, or a way to misbehave."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.seen: list[tuple[dict[str, str], str]] = []
        self.answers: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 - the library's name
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
                receiver.answer(self)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer((host, port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        answer = self.answers.pop(0) if self.answers else 204
        if answer == "hang up":
            handler.connection.close()
            return
        handler.send_response(
            302
            if isinstance(answer, str) and answer != "drip"
            else 200
            if answer == "drip"
            else answer
        )
        if isinstance(answer, str) and answer.startswith("http"):
            handler.send_header("Location", answer)
        if answer != 204:
            handler.send_header("Content-Length", "20000")
        handler.end_headers()
        if answer == "drip":
            self.drip(handler)
        elif answer != 204:
            handler.wfile.write(b"because \0 " * 2000)

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        try:
            for _ in range(600):
                handler.wfile.write(b".")
                time.sleep(0.05)
        except OSError:
            return

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.seen]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
