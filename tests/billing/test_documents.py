"""The printed document: the same bytes each time, in many scripts, whatever a name holds."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pypdf
import pytest

from billing import documents, pdf
from config.kit.money import Money
from tests.billing.invoices import words


@pytest.fixture
def document() -> documents.Document:
    return documents.Document(
        title="Invoice",
        number="ABC-0001",
        state="Paid",
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        seller=["Quantum Falcon"],
        buyer=["Alice"],
        facts=[("Number", "ABC-0001")],
        rows=[documents.Row("Pro", 1, Money(1000, "eur"))],
        sums=[documents.Sum("Total", Money(1000, "eur"), strong=True)],
        payments=[],
    )


def with_(document: documents.Document, **fields: Any) -> documents.Document:
    from dataclasses import replace

    return replace(document, **fields)


def test_the_same_document_gives_the_same_bytes(document: documents.Document):
    assert pdf.render(document) == pdf.render(document)


def test_a_long_document_numbers_its_pages_and_repeats_its_titles(document: documents.Document):
    rows = [documents.Row(f"Line {n}", n, Money(n, "eur"), "1 May 2026") for n in range(90)]
    reader = pypdf.PdfReader(io.BytesIO(pdf.render(with_(document, rows=rows))))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Description" in page
    assert "Line 89" in pages[-1]


def test_names_of_many_scripts_are_drawn_and_others_are_said_to_be_missing(
    document: documents.Document,
):
    shown = words(pdf.render(with_(document, buyer=["Žofie Ωμέγα Жанна Nguyễn"])))
    assert "Žofie Ωμέγα Жанна Nguyễn" in shown
    assert "does not have" not in shown
    shown = words(pdf.render(with_(document, buyer=["王小明"])))
    assert "\ufffd" in shown
    assert "does not have" in shown


@pytest.mark.parametrize(
    "name",
    [
        "W" * 5000,
        "long words " * 500,
        "<b>bold</b> **not** __either__ & ]]> (\\) /Type",
        "\x00\x07\r\n\t\u202eevil\u202c",
        "\ud800 lone",
        "🦅 falcon",
        "",
        " ",
    ],
)
def test_hostile_names_are_only_letters(document: documents.Document, name: str):
    hostile = with_(
        document,
        title="Invoice",
        number=name,
        seller=[name],
        buyer=[name, name],
        facts=[("Number", name)],
        rows=[documents.Row(name, 1, Money(1, "eur"))],
    )
    shown = words(pdf.render(hostile))
    assert "Page 1 of" in shown
    assert "\u202e" not in shown
    if name.startswith("<b>"):
        assert "<b>bold</b> **not** __either__" in shown
