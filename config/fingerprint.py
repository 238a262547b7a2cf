"""Names a state of files, so that what was made from them is made again only when they change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fingerprint(files: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for file in sorted(files):
        content.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    return content.hexdigest()[:16]


def what_tables_are_made_from() -> list[Path]:
    apps = (path for path in ROOT.iterdir() if (path / "__init__.py").exists())
    migrations = (
        file for app in apps for file in app.rglob("*.py") if "migrations" in file.parent.name
    )
    others = ("config/settings.py", "billing/roles.py", "requirements/production.txt")
    return [*(ROOT / name for name in others), *migrations]
