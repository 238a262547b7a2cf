"""The web application: Stripe's API, the hosted pages, and the tester's controls."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from . import control, pages, resources
from .api.door import door
from .resources.webhook_endpoints import Hook
from .sandbox import Sandbox
from .world.clock import run_due
from .world.rows import World

_TICK = 0.5


def make_application(world: World, hooks: Sequence[Hook] = ()) -> Starlette:
    resources.load()
    sandbox = Sandbox(world)
    world.load()
    sandbox.hooks = hooks

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sandbox.courier.start()
        sandbox.keep_endpoints()
        ticking = asyncio.create_task(_tick(world))
        yield
        ticking.cancel()
        await sandbox.courier.stop()

    api = [Route("/v1/{rest:path}", door, methods=["GET", "POST", "DELETE"])]
    application = Starlette(routes=[*api, *pages.routes(), *control.routes()], lifespan=lifespan)
    application.state.sandbox = sandbox
    return application


async def _tick(world: World) -> None:
    """Let time pass: what falls due while nobody asks happens all the same."""
    while True:
        await asyncio.sleep(_TICK)
        try:
            run_due(world)
        except Exception:
            # What went wrong for one object must not stop time for all others.
            traceback.print_exc()
