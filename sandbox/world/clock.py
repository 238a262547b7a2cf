"""Moving time: everything that falls due happens in order, each at its own instant."""

from sandbox.errors import SandboxBug

from .rows import Cause, World
from .schedule import RULES

# A renewal's invoice stays a draft for this long, as on the real Stripe.
DRAFT_SECONDS = 3600
_TOO_MANY = 50_000


def run_due(world: World, until: int | None = None, base_url: str = "") -> int:
    """Do what is due by then (by now). Each is a unit of work of its own."""
    limit = world.now() if until is None else until
    done = 0
    while due := world.schedule.next(limit):
        moment, id_ = due
        done += 1
        if done > _TOO_MANY:
            raise SandboxBug(f"time does not move on: {id_}")
        row = world.rows.get(id_)
        if row is None:
            continue
        world.moment = moment
        try:
            with world.work(Cause(base_url=base_url)):
                RULES[row.kind][1](world, world.body(id_))
        finally:
            world.moment = None
    return done


def advance(world: World, to: int, base_url: str = "") -> None:
    """Move the clock to an instant. It never goes back.

    What is still in its hour as a draft when the clock stops is finalised at once: otherwise
    a tester who goes to the end of a period would meet a renewal that nobody has paid.
    """
    run_due(world, to, base_url)
    with world.work():
        world.set_offset(world.offset + to - world.now())
    run_drafts(world, to, base_url)


def run_drafts(world: World, to: int, base_url: str) -> None:
    for row in list(world.peek("invoice")):
        due = row.body["automatically_finalizes_at"]
        if row.body["status"] == "draft" and due and due <= to + DRAFT_SECONDS:
            with world.work(Cause(base_url=base_url)):
                RULES["invoice"][1](world, world.body(row.id))
