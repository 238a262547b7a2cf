from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.providers.base import ProviderError
from billing.reconciliation.models import Difference
from billing.reconciliation.running import reconcile


class Command(BaseCommand):
    help = (
        "Compares our rows with the provider's. Exits with 1 where differences are left open, and"
        " with 2 where the provider did not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="an ISO 8601 time, or hours such as 24h; else all")
        parser.add_argument("--fix", action="store_true", help="also repair what is found")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = reconcile(since=since(options["since"]), fix=options["fix"])
        except ProviderError as error:
            raise CommandError(
                f"The provider did not answer: {error.code}", returncode=2
            ) from error
        left = Difference.objects.filter(status="open").order_by().values_list("kind")
        found = {
            "events_seen": run.events_seen,
            "events_recovered": run.events_recovered,
            "objects_seen": run.objects_seen,
            "found": run.found,
            "repaired": run.repaired,
            "open": dict(left.annotate(Count("pk"))),
        }
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            for name, value in found.items():
                self.stdout.write(f"{name.replace('_', ' ')}: {value}")
        if found["open"]:
            raise SystemExit(1)


def since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if text.endswith("h") and text[:-1].isdigit():
        return timezone.now() - timedelta(hours=int(text[:-1]))
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise CommandError("--since takes an ISO 8601 time, or hours such as 24h.")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
