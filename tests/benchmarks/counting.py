"""Run by the benchmarks in our environment: counts the statements that an event costs, as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from billing.webhooks import inbox  # noqa: E402
from tests.benchmarks.events import intent  # noqa: E402
from tests.benchmarks.statements import counted  # noqa: E402
from tests.billing.conftest import Shop  # noqa: E402
from tests.stand_in import StandIn  # noqa: E402
from tests.stripe_events import deliver, event  # noqa: E402


def main() -> None:
    stripe = StandIn(os.environ["STRIPE_API_BASE"], os.environ["STRIPE_SECRET_KEY"])
    first, *batch = (paid() for _ in range(1 + inbox.BATCH))
    told = {
        "ingested": ingested(first),
        "alone": processed(),
        "batch": len(batch),
        "full_batch": processed(*batch),
        "sales": {tier: sale(Shop(stripe), tier) for tier in ("pro", "lifetime")},
    }
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    print(json.dumps(told))


def paid() -> dict[str, Any]:
    return event("payment_intent.succeeded", intent())


def ingested(happened: dict[str, Any]) -> int:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    connection.pool.open(wait=True)  # type: ignore[attr-defined]
    with connection.pool.connection() as postgres:  # type: ignore[attr-defined]
        pass  # the only one of the pool: the door takes this one
    return asked_for(postgres, lambda: deliver(happened))


def processed(*happened: dict[str, Any]) -> int:
    for each in happened:
        assert deliver(each).status_code == 200
    connection.ensure_connection()
    assert connection.connection is not None
    return asked_for(connection.connection, inbox.take_batch)


def sale(shop: Shop, tier: str) -> dict[str, int]:
    """Each event of a whole sale, alone in its batch, in the order of happening."""
    shop.stripe.control("reset")
    shop.open("quantum_falcon").buy(shop.person(), tier)
    return {each["type"]: processed(each) for each in shop.stripe.events()}


def asked_for(postgres: Any, act: Callable[[], object]) -> int:
    with counted(postgres) as asked:
        act()
    assert len(asked), "nothing was counted"
    return len(asked)


if __name__ == "__main__":
    main()
