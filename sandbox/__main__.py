"""`python -m sandbox --port 12111`"""

import argparse
import asyncio
import os
import signal
from typing import NoReturn

import uvicorn

from .api.connections import Protocol
from .application import make_application
from .resources.webhook_endpoints import Hook
from .world.rows import World
from .world.storage import Storage


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", metavar="FILE.sqlite3", help="keep the state in this file")
    parser.add_argument("--stripe-webhook", metavar="URL", help="where events are sent")
    parser.add_argument("--stripe-webhook-secret", metavar="whsec_…")
    parser.add_argument("--connect-webhook", metavar="URL", help="those of connected accounts")
    parser.add_argument("--connect-webhook-secret", metavar="whsec_…")
    chosen = parser.parse_args()
    for kind in ("stripe", "connect"):
        if bool(given(chosen, kind)) != bool(given(chosen, kind, "_secret")):
            parser.error(f"--{kind}-webhook and --{kind}-webhook-secret belong together")
    return chosen


def given(chosen: argparse.Namespace, kind: str, what: str = "") -> str | None:
    value: str | None = getattr(chosen, f"{kind}_webhook{what}")
    return value


def hooks(chosen: argparse.Namespace) -> list[Hook]:
    both = (("stripe", False), ("connect", True))
    return [
        Hook(url, given(chosen, kind, "_secret") or "", connect)
        for kind, connect in both
        if (url := given(chosen, kind))
    ]


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, world: World) -> None:
        super().__init__(config)
        self.world = world

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup()
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            self.world.base_url = f"http://{self.config.host}:{port}"
            print(f"sandbox ready: {self.world.base_url}", flush=True)


def main() -> NoReturn:
    chosen = options()
    world = World(
        base_url=f"http://{chosen.host}:{chosen.port}",
        storage=Storage(chosen.data) if chosen.data else None,
    )
    # uvicorn raises the signal once more when it is done. Taking a full memory apart would take
    # longer than the answer to SIGTERM may; what is to be kept is on disk already.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    config = uvicorn.Config(
        make_application(world, hooks(chosen)),
        host=chosen.host,
        port=chosen.port,
        http=Protocol,
        ws="none",
        log_level="warning",
        access_log=False,
        # The door says what time it is here.
        date_header=False,
        # A connection that someone keeps open must not keep the sandbox alive.
        timeout_graceful_shutdown=1,
    )
    server = Server(config, world)
    asyncio.run(server.serve())
    os._exit(0 if server.started else 1)


if __name__ == "__main__":
    main()
