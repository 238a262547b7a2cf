from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.catalogue import (
    CatalogRefused,
    find_catalog,
    push_catalog,
    read_catalog,
    store_catalog,
)
from billing.providers.base import ProviderError


class Command(BaseCommand):
    help = "Stores a catalogue file, and with --push brings the providers into step with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a path, or the name of a catalogue of the product")
        parser.add_argument("--push", action="store_true", help="also publish it at the providers")
        parser.add_argument("--provider", default="stripe")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            catalog = read_catalog(find_catalog(options["file"]))
            store_catalog(catalog)
            self.stdout.write(f"{catalog.title}: {len(catalog.plans)} plans stored.")
            if options["push"]:
                pushed = push_catalog(catalog, options["provider"])
                self.stdout.write(f"{pushed} prices in step at {options['provider']}.")
        except (CatalogRefused, ProviderError) as refused:
            raise CommandError(str(refused)) from refused
