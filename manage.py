#!/usr/bin/env python
import os
import sys


def main() -> None:
    if sys.argv[1:2] == ["demo"]:
        # The demo makes the environment that Django's settings ask for, so it comes before them.
        from config.demo import main as demo

        sys.exit(demo(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
