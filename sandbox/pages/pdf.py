"""A one-page PDF of an invoice, written by hand: text and nothing else."""

from datetime import UTC, datetime

from sandbox.money import formatted
from sandbox.world.rows import Obj


def invoice_pdf(invoice: Obj) -> bytes:
    currency = invoice["currency"]
    made = datetime.fromtimestamp(invoice["created"], UTC).strftime("%d %b %Y")
    lines = [
        (22, "Invoice"),
        (11, f"Number {invoice['number']}"),
        (11, f"Date {made}"),
        (11, f"For {invoice['customer_name'] or ''} {invoice['customer_email'] or ''}"),
        (11, "SANDBOX - no real money"),
        (11, ""),
    ]
    for line in invoice["lines"]["data"]:
        lines.append((11, f"{line['description']}    {formatted(line['amount'], currency)}"))
    lines += [
        (11, ""),
        (11, f"Subtotal {formatted(invoice['subtotal'], currency)}"),
        (11, f"Total {formatted(invoice['total'], currency)}"),
        (13, f"Amount due {formatted(invoice['amount_remaining'], currency)}"),
        (11, f"Status {invoice['status']}"),
    ]
    return _document(lines)


def _document(lines: list[tuple[int, str]]) -> bytes:
    text = ["BT", "50 780 Td"]
    for size, line in lines:
        shown = line.replace("×", "x").replace("€", "EUR ").encode("latin-1", "replace")
        safe = shown.decode("latin-1").translate({40: r"\(", 41: r"\)", 92: r"\\"})
        text += [f"/F1 {size} Tf", f"({safe}) Tj", f"0 -{size + 9} Td"]
    content = "\n".join([*text, "ET"]).encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    )
