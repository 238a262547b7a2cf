"""`manage.py demo`: the whole product on one machine, as one process tree."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from config.demo.claims import DemoRefused
from config.demo.options import read_options
from config.demo.product import Demo
from config.embedded import EmbeddedRefused


def main(argv: Sequence[str]) -> int:
    try:
        asyncio.run(Demo(read_options(argv)).run())
    except (DemoRefused, EmbeddedRefused) as refused:
        print(f"demo: {refused}", file=sys.stderr)
        return 1
    return 0
