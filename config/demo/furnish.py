"""`python -m config.demo.furnish CATALOG`: tables, catalogue and people, in one process."""

from __future__ import annotations

import os
import sys

import django
from django.core.management import CommandError, call_command


def main(catalog: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from config.demo.people import welcome_people

    try:
        call_command("migrate", verbosity=0)
        call_command("sync_catalog", catalog, push=True)
    except CommandError as refused:
        print(refused, file=sys.stderr)
        return 1
    welcome_people()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
