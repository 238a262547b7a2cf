"""`Idempotency-Key`: the same request twice has one effect and one answer."""

import hashlib
import json
from typing import Any

from sandbox.errors import InvalidRequest, StripeError
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

_KEPT_SECONDS = 24 * 3600
_KIND = "_answer"


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    text = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _row_id(key: str, account: str | None) -> str:
    return f"{_KIND}:{account or ''}:{key}"


def recorded(world: World, key: str, account: str | None, print_: str) -> Obj | None:
    """The answer given before, if any. Raises when the parameters were others."""
    if len(key) > 255:
        raise InvalidRequest("Idempotency-Key must be at most 255 characters long.")
    row = world.rows.get(_row_id(key, account))
    if row is None or world.now() - row.body["created"] >= _KEPT_SECONDS:
        return None
    if row.body["fingerprint"] != print_:
        raise StripeError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were"
            f" first used with. Try using a key other than '{key}' if you meant to execute a"
            " different request.",
        )
    return row.body


def in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Stripe Idempotent Key (that"
        " probably means you submitted twice, and the other request is still going through):"
        f" {key}. If you want to be sure that your request fails, please try again later.",
        code="idempotency_key_in_use",
    )


def record(world: World, key: str, print_: str, status: int, answer: Obj) -> None:
    """Within the unit of work that made the answer: both are kept, or neither."""
    id_ = _row_id(key, world.cause.account)
    if id_ in world.rows:
        world.remove(id_)
    world.add(
        {
            "id": id_,
            "object": _KIND,
            "created": world.now(),
            "fingerprint": print_,
            "status": status,
            "answer": answer,
            "request": world.cause.request_id,
        }
    )


@scheduled(_KIND, lambda body, notes: body["created"] + _KEPT_SECONDS)
def forget(world: World, answer: Obj) -> None:
    world.remove(answer["id"])
