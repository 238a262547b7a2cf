"""Small private files in the demo's folder: `demo.json` that others read, and kept secrets."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from config.embedded import command_line

OURS = ("config.asgi", "config.celery", "-m sandbox")


def write_private(file: Path, content: Mapping[str, object]) -> None:
    """For its owner alone, and whole: a reader never sees half of it."""
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(file)


def end_leftovers(card: Path) -> None:
    """Ends what a killed supervisor left behind where the system does not do it (macOS)."""
    if not card.exists():
        return
    for known in json.loads(card.read_text())["pids"].values():
        for pid in known if isinstance(known, list) else [known]:
            # A number may belong to somebody else by now.
            if pid and any(sign in command_line(pid) for sign in OURS):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    card.unlink()
