"""Sockets, and HTTP for those who run a single process type: the same WSGI application in threads.

Django's own ASGI handler costs several times as much per request, because each middleware hops
between the event loop and a thread; here a request hops once.
"""

from __future__ import annotations

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from channels.routing import ProtocolTypeRouter

from config.wsgi import application as http

from sessions_live.routing import sockets  # isort: skip  (needs Django to be set up)

application = ProtocolTypeRouter(
    {"http": WSGIMiddleware(cast(Any, http), workers=16), "websocket": sockets}
)
