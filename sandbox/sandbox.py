"""Everything that one running sandbox consists of."""

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .api.faults import Faults
from .resources.webhook_endpoints import keep_endpoint
from .webhooks.deliveries import Courier
from .world.rows import World

if TYPE_CHECKING:
    from .api.door import Incoming

_LOGGED = 2000


class Sandbox:
    def __init__(self, world: World) -> None:
        self.world = world
        self.courier = Courier(world)
        self.faults = Faults()
        self.requests: deque[dict[str, Any]] = deque(maxlen=_LOGGED)
        self.keys_in_use: set[str] = set()
        # The endpoint (address, secret) given on the command line; a reset keeps it.
        self.webhook: tuple[str, str] | None = None

    def reset(self) -> None:
        """Empty, as it was when it started; the endpoint of the command line stays."""
        self.courier.reset()
        self.faults.clear()
        self.requests.clear()
        self.world.reset()
        if self.webhook:
            with self.world.work():
                keep_endpoint(self.world, *self.webhook)

    def log_request(self, incoming: "Incoming", fault: str | None) -> None:
        self.requests.appendleft(
            {
                "id": incoming.id,
                "at": round(time.time(), 3),
                "method": incoming.method,
                "path": incoming.path,
                "params": incoming.raw[:4000],
                "status": incoming.status,
                "idempotency_key": incoming.key,
                "replayed": "Idempotent-Replayed" in incoming.extra_headers,
                "account": incoming.headers.get("stripe-account"),
                "fault": fault,
                "error": incoming.answer.get("error") if incoming.status >= 400 else None,
            }
        )
