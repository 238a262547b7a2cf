"""The pages that a person sees: plain forms, no script, nothing from elsewhere."""

from pathlib import Path

from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from . import checkout, control, invoices, onboarding, portal, receipts, three_d_secure


def routes() -> list[Route | Mount]:
    modules = (checkout, three_d_secure, portal, onboarding, invoices, receipts, control)
    assets = StaticFiles(directory=Path(__file__).parent / "assets")
    own: list[Route | Mount] = [route for module in modules for route in module.ROUTES]
    return [*own, Mount("/_assets", assets)]
