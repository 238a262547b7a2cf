"""The import contracts forget no file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# What Django and the URL configuration load, and nobody imports.
LOADED = {"__init__", "apps", "urls"}


def test_every_core_file_of_billing_is_closed_to_its_rooms():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (rooms,) = [each for each in contracts if each["name"].startswith("Rooms are told")]
    files = {path.stem for path in (ROOT / "billing").glob("*.py")} - LOADED
    assert set(rooms["forbidden_modules"]) == {f"billing.{name}" for name in files | {"models"}}
