from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    port: int
    sandbox_port: int
    data_dir: Path
    catalog: str
    seed: bool
    web_workers: int
    workers: int
    durable: bool


def read_options(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Runs the whole product here, with its own PostgreSQL, Redis and a stand-in"
        " for Stripe. DATABASE_URL, REDIS_URL and STRIPE_SECRET_KEY, in the environment or in"
        " .env, replace them one by one. Ctrl-C ends it.",
    )
    parser.add_argument("--port", type=_port, default=8000)
    parser.add_argument("--sandbox-port", type=_port, default=12111)
    parser.add_argument("--data-dir", type=Path, default=Path(".local"), metavar="FOLDER")
    parser.add_argument("--catalog", default="pain_tracker", help="a name or the path of a file")
    parser.add_argument(
        "--no-seed", dest="seed", action="store_false", help="users only, without any history"
    )
    parser.add_argument("--web-workers", type=_count, default=1, metavar="N")
    parser.add_argument("--workers", type=_count, default=1, metavar="N")
    parser.add_argument(
        "--no-fsync",
        dest="durable",
        action="store_false",
        help="for tests: faster, but a power cut may lose the data",
    )
    return Options(**vars(parser.parse_args(argv)))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 1 and 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 1 and 32")
    return int(text)
