from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import sweeping


class Command(BaseCommand):
    help = (
        "Finds work that was not announced: events, calls, checkouts, ended grace, duplicates."
        " Exits with 1, and names them, where parts of it failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.show(sweeping.sweep(), as_json=options["json"])
        except sweeping.Stumbled as stumbled:
            self.show(stumbled.found, as_json=options["json"])
            raise CommandError(f"{stumbled} The log says why.") from stumbled

    def show(self, found: dict[str, int], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found))
            return
        for kind, count in found.items():
            self.stdout.write(f"{kind.replace('_', ' ')}: {count}")
