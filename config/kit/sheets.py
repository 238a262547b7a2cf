"""Tables for spreadsheets, which take a cell that looks like a formula for one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# At the start of a cell, and where a program that splits at another sign would see one begin:
# https://owasp.org/www-community/attacks/CSV_Injection. The last four are the full-width forms.
_FORMULA = re.compile(r"(^|[;,|\t\r\n])([\s\0'\"]*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])")
# What most cells are without.
_WORTH_A_LOOK = re.compile(r"^[\s\0'\"]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[;,|\t\r\n\0]")
_CONTROL = re.compile(r"^(?=[\t\r\n\0])")


def harmless(text: str) -> str:
    """Text that no spreadsheet calculates; an apostrophe makes it stay text."""
    if not _WORTH_A_LOOK.search(text):
        return text
    return _CONTROL.sub("'", _FORMULA.sub(r"\1\2'", text)).replace("\0", "")


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """Numbers as they are, text harmless and quoted where that is needed."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return sheet.getvalue()
