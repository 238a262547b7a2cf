"""Turning templates into answers."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox.money import formatted
from sandbox.sandbox import Sandbox
from sandbox.world.rows import Obj

# `form-action` is left out: browsers apply it to the redirect to the shop as well.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=loader, autoescape=True)
    environment.filters["money"] = formatted
    environment.filters["day"] = _day
    environment.filters["moment"] = _moment
    environment.filters["every"] = _every
    return environment


def _day(at: int | None) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%-d %B %Y") if at else "–"


def _moment(at: int | None) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at else "–"


def _every(recurring: Obj) -> str:
    """`per month`, `every 3 months`"""
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"


def render(template: str, status: int = 200, **values: Any) -> Response:
    text = _templates().get_template(template).render(**values)
    return HTMLResponse(text, status, _HEADERS)


def message(title: str, text: str, *, status: int = 200, link: str | None = None) -> Response:
    return render("message.html", status, title=title, text=text, link=link)


def see(url: str) -> Response:
    """Go on with a GET, whatever was posted."""
    return RedirectResponse(url, 303)


def sandbox_of(request: Request) -> Sandbox:
    return request.app.state.sandbox


async def form_of(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: str(value).strip() for name, value in form.items()}
