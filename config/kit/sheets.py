"""Tables for spreadsheets, which take a cell that looks like a formula for one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import chain

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


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """Numbers as they are, text harmless and quoted where that is needed."""
    # Most cells of a sheet say the same as others, and each text is looked at once.
    cells = {cell for cell in set(chain.from_iterable(rows)) if isinstance(cell, str)}
    changed: dict[object, str] = {cell: safe for cell in cells if (safe := harmless(cell)) != cell}
    if changed:
        rows = [[changed.get(cell, cell) for cell in row] for row in rows]
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\r\n").writerows(rows)
    return sheet.getvalue()
