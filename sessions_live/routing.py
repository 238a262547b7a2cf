from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from sessions_live.consumers import PaymentsSocket, SessionsSocket
from sessions_live.sockets import Receive, Send


async def no_such_socket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4404})


sockets = URLRouter(
    [
        re_path(r"^ws/payments/?$", PaymentsSocket.serve),  # type: ignore[arg-type]
        re_path(r"^ws/sessions/?$", SessionsSocket.serve),  # type: ignore[arg-type]
        re_path(r"", no_such_socket),  # type: ignore[arg-type]
    ]
)
