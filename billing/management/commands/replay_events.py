from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.webhooks import inbox
from billing.webhooks.bell import bell
from billing.webhooks.models import WebhookEvent


class Command(BaseCommand):
    help = "Processes events again: those named, or all of a status."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event_ids", nargs="*", metavar="EVENT_ID")
        parser.add_argument("--status", choices=["failed", "ignored"])

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["event_ids"]) == bool(options["status"]):
            raise CommandError("Name events, or give --status failed or --status ignored.")
        events = WebhookEvent.objects.order_by("pk")
        if options["status"]:
            events = events.filter(status=options["status"])
        else:
            events = events.filter(event_id__in=options["event_ids"])
        count = 0
        for event in events.iterator():
            inbox.replay(event)
            count += 1
        bell.ring()
        self.stdout.write(f"{count} events put back into the inbox.")
