"""Deep copies of JSON values, an order of magnitude faster than `copy.deepcopy`."""

import marshal
from typing import Any


def packed(value: Any) -> bytes:
    return marshal.dumps(value)


def unpacked(data: bytes) -> Any:
    # Only what this process itself has packed comes here.
    return marshal.loads(data)  # noqa: S302


def copied(value: Any) -> Any:
    return unpacked(packed(value))
