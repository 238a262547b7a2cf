"""Everything that one running sandbox consists of."""

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .api.faults import Faults
from .resources.webhook_endpoints import Hook, keep_endpoint
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
        # Given on the command line; a reset keeps them.
        self.hooks: Sequence[Hook] = ()

    def reset(self) -> None:
        """Empty, as it was when it started; the endpoints of the command line stay."""
        self.courier.reset()
        self.faults.clear()
        self.requests.clear()
        self.world.reset()
        self.keep_endpoints()

    def keep_endpoints(self) -> None:
        with self.world.work():
            for hook in self.hooks:
                keep_endpoint(self.world, hook)

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
