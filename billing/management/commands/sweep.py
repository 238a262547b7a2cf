from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing import sweeping


class Command(BaseCommand):
    help = "Finds work that was not announced: events, calls, checkouts, ended grace, duplicates."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        found = sweeping.sweep()
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for kind, count in found.items():
            self.stdout.write(f"{kind.replace('_', ' ')}: {count}")
