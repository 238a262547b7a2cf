"""The pages that a person sees: plain forms, no script, nothing from elsewhere."""

from starlette.routing import Route


def routes() -> list[Route]:
    return []
