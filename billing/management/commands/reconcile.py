from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.providers.base import ProviderError
from billing.reconciliation import differences
from billing.reconciliation.asking import UnknownCustomer, find_customer
from billing.reconciliation.models import Run
from billing.reconciliation.running import UnderWay, begin, carry_on


class Command(BaseCommand):
    help = (
        "Compares our rows with the provider's. Exits with 1 where differences are left open, and"
        " with 2 where the provider did not answer or the same is under way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="an ISO 8601 time, or hours such as 24h; else all")
        parser.add_argument(
            "--customer", help="only this one: an e-mail address, or the provider's id"
        )
        parser.add_argument("--fix", action="store_true", help="also repair what is found")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = carry_on(
                begin(**scope(options["customer"], options["since"]), fix=options["fix"])
            )
        except ProviderError as error:
            raise CommandError(
                f"The provider did not answer: {error.code}", returncode=2
            ) from error
        except UnderWay as error:
            raise CommandError("The same is under way.", returncode=2) from error
        found = {
            "events_seen": run.events_seen,
            "events_recovered": run.events_recovered,
            "objects_seen": run.objects_seen,
            "found": run.found,
            "repaired": run.repaired,
            "gone": run.gone,
            "open": differences.by_kind(run.customer),
        }
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            for name, value in found.items():
                self.stdout.write(f"{name.replace('_', ' ')}: {value}")
        if found["open"]:
            raise SystemExit(1)


def scope(customer: str | None, text: str | None) -> dict[str, Any]:
    if customer:
        try:
            theirs = find_customer(customer).provider_id
        except UnknownCustomer as error:
            raise CommandError(error.detail) from error
        return {"scope": Run.Scope.CUSTOMER, "customer": theirs}
    at = since(text)
    return {"scope": Run.Scope.RECENT if at else Run.Scope.ALL, "since": at}


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
