from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing import bookkeeping


class Command(BaseCommand):
    help = "Checks the books: every transfer, balance, floor, and that every payment is in them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--fix", action="store_true", help="books payments that are missing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["fix"]:
            bookkeeping.book_missing()
        found = bookkeeping.verify()
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            self.show(found)
        if not found["ok"]:
            sys.exit(1)

    def show(self, found: dict[str, Any]) -> None:
        counts = (f"{found[name]:,} {name}" for name in ("accounts", "transfers", "entries"))
        self.stdout.write(", ".join(counts))
        for check in found["checks"]:
            word = "ok" if check["ok"] else "NOT RIGHT"
            self.stdout.write(f"{check['name'].replace('_', ' ')}: {word}")
            for breach in check["breaches"]:
                self.stdout.write(f"  {breach}")
