"""An invoice or a receipt as a PDF. The same document gives the same bytes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from fontpkg_noto_sans import ROOT
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import TextMode

from billing.documents import Document, Row, Sum

# The whole family in one file: its regular weight is what stands in it by default.
FONT = ROOT / "files" / "NotoSans[wdth,wght].ttf"
LONGEST = 300
MISSING = "\ufffd"
MARGIN = 20
INK, FAINT, LINE, ACCENT = (16, 24, 40), (98, 108, 126), (222, 226, 233), (21, 93, 252)
# What wide rows are made of, in millimetres: description, quantity, amount.
WIDTHS = (112, 20, 38)


def render(document: Document) -> bytes:
    page = Page(document)
    page.add_page()
    page.head()
    page.parties()
    page.rows_of(document.rows)
    page.sums_of(document.sums)
    if document.payments:
        page.heading("Payments")
        page.sums_of(document.payments)
    page.note()
    return bytes(page.output())


@cache
def drawn_characters() -> frozenset[int]:
    with TTFont(FONT, lazy=True) as font:
        return frozenset(font.getBestCmap())


class Page(FPDF):
    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self.document = document
        self.replaced = False
        self.add_font("Noto", fname=FONT)
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=24)
        self.set_creation_date(document.made_at)
        self.set_title(self.clean(f"{document.title} {document.number}"))
        self.set_author(self.clean(document.seller[0]))
        self.set_lang("en")

    # --- words ----------------------------------------------------------------------------------
    def clean(self, text: str) -> str:
        """One line of what the font can draw. Control and direction marks could make the page say
        something else than its letters do."""
        flat = unicodedata.normalize("NFC", " ".join(text.split()))
        seen = [char for char in flat if unicodedata.category(char) not in ("Cc", "Cf", "Cs")]
        cut = seen if len(seen) <= LONGEST else [*seen[: LONGEST - 1], "…"]
        known = [char if ord(char) in drawn_characters() else MISSING for char in cut]
        self.replaced = self.replaced or MISSING in known
        return "".join(known)

    def ink(self, size: float, color: tuple[int, int, int] = INK, *, strong: bool = False) -> None:
        """The family has one file, so strong letters are drawn with an outline of their own."""
        self.set_font("Noto", size=size)
        self.set_text_color(*color)
        self.set_draw_color(*color)
        self.set_line_width(size * 0.012)
        self.text_mode = TextMode.FILL_STROKE if strong else TextMode.FILL

    def line_of(self, width: float, height: float, text: str, align: str = "L") -> None:
        self.multi_cell(width, height, self.clean(text), align=align, new_x="LMARGIN", new_y="NEXT")

    # --- the parts ------------------------------------------------------------------------------
    def head(self) -> None:
        document = self.document
        self.set_fill_color(*ACCENT)
        self.rect(0, 0, self.w, 3, style="F")
        self.ink(20, strong=True)
        self.line_of(110, 9, document.title)
        self.ink(10.5, FAINT)
        self.line_of(110, 6, document.state)
        self.ln(6)

    def parties(self) -> None:
        top, half = self.get_y(), self.epw / 3
        ends = [
            self.column(MARGIN, top, half - 4, "From", self.document.seller),
            self.column(MARGIN + half, top, half - 4, "To", self.document.buyer),
            self.facts_at(MARGIN + 2 * half, top, half),
        ]
        self.set_xy(MARGIN, max(ends) + 8)

    def column(self, x: float, y: float, width: float, label: str, rows: Iterable[str]) -> float:
        self.set_xy(x, y)
        self.ink(8.5, FAINT)
        self.cell(width, 5, label)
        self.set_xy(x, y + 5.5)
        for number, row in enumerate(rows):
            self.ink(9.5, strong=number == 0)
            self.set_x(x)
            self.multi_cell(width, 5, self.clean(row), align="L", new_x="LEFT", new_y="NEXT")
        return self.get_y()

    def facts_at(self, x: float, y: float, width: float) -> float:
        self.set_xy(x, y)
        for label, words in self.document.facts:
            self.ink(8.5, FAINT)
            self.set_x(x)
            self.cell(20, 5, label)
            self.ink(9.5)
            self.multi_cell(width - 20, 5, self.clean(words), align="R", new_x="LEFT", new_y="NEXT")
        return self.get_y()

    def rows_of(self, rows: Sequence[Row]) -> None:
        self.titles()
        for row in rows:
            self.row(row)

    def titles(self) -> None:
        self.ink(8.5, FAINT)
        for width, title, align in zip(
            WIDTHS, ("Description", "Quantity", "Amount"), "LRR", strict=True
        ):
            self.cell(width, 6, title, align=align)
        self.ln(6)
        self.rule()

    def row(self, row: Row) -> None:
        words, height = self.clean(row.description), 5.2
        self.ink(9.5)
        broken = self.multi_cell(WIDTHS[0] - 4, height, words, dry_run=True, output="LINES")
        lines = len(broken) if isinstance(broken, list) else 1
        needed = lines * height + (5 if row.period else 0) + 5
        if self.will_page_break(needed):
            self.add_page()
            self.titles()
        self.ink(9.5)
        top = self.get_y() + 2
        self.set_xy(MARGIN, top)
        self.multi_cell(WIDTHS[0] - 4, height, words, align="L", new_x="LMARGIN", new_y="NEXT")
        if row.period:
            self.ink(8.5, FAINT)
            self.cell(WIDTHS[0], 4.5, row.period, new_x="LMARGIN", new_y="NEXT")
        bottom = self.get_y()
        self.ink(9.5)
        self.set_xy(MARGIN + WIDTHS[0], top)
        self.cell(WIDTHS[1], height, f"{row.quantity:,}", align="R")
        self.cell(WIDTHS[2], height, self.clean(str(row.amount)), align="R")
        self.set_xy(MARGIN, bottom + 2)
        self.rule()

    def sums_of(self, sums: Sequence[Sum]) -> None:
        self.ln(2)
        for each in sums:
            if self.will_page_break(6.5):
                self.add_page()
            self.ink(10.5 if each.strong else 9.5, strong=each.strong)
            self.set_x(MARGIN + 60)
            self.cell(WIDTHS[0] + WIDTHS[1] - 60, 6.5, self.clean(each.label), align="L")
            self.cell(WIDTHS[2], 6.5, self.clean(str(each.amount)), align="R")
            self.ln(6.5)

    def heading(self, words: str) -> None:
        self.ln(5)
        if self.will_page_break(22):
            self.add_page()
        self.ink(10.5, strong=True)
        self.set_x(MARGIN + 60)
        self.cell(0, 6, words)
        self.ln(6)
        self.ink(9.5)
        self.rule(MARGIN + 60)

    def rule(self, start: float = MARGIN) -> None:
        self.set_draw_color(*LINE)
        self.set_line_width(0.25)
        self.line(start, self.get_y(), self.w - MARGIN, self.get_y())

    def note(self) -> None:
        if self.replaced:
            self.ln(6)
            self.ink(8, FAINT)
            self.line_of(
                0, 4.5, f"{MISSING} stands for a letter that this document's font does not have."
            )

    def footer(self) -> None:
        self.set_y(-16)
        self.ink(8, FAINT)
        self.cell(self.epw - 30, 5, self.clean(f"{self.document.title} {self.document.number}"))
        self.cell(30, 5, f"Page {self.page_no()} of {{nb}}", align="R")
