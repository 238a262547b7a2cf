"""Sockets, and HTTP for those who run a single process type: the same WSGI application in threads.

Django's own ASGI handler costs several times as much per request, because each middleware hops
between the event loop and a thread; here a request hops once. Usage that many tell of at the same
moment is counted before it.
"""

from __future__ import annotations

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from channels.routing import ProtocolTypeRouter

from config.wsgi import application as wsgi

from apikeys.bearers import KeyBearers  # isort: skip  (all below needs Django to be set up)
from billing.usage.door import UsageDoor  # isort: skip
from sessions_live.bearers import SessionBearers  # isort: skip
from sessions_live.routing import sockets  # isort: skip

django: Any = WSGIMiddleware(cast(Any, wsgi), workers=16)
http = UsageDoor(django, [KeyBearers(), SessionBearers()])
application = ProtocolTypeRouter({"http": cast(Any, http), "websocket": sockets})
