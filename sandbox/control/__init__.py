"""`/_sandbox`: what a tester can make happen, and look at."""

from starlette.routing import Route

from . import books, buying, faults, happenings, state, traffic


def routes() -> list[Route]:
    modules = (state, buying, happenings, faults, traffic, books)
    return [route for module in modules for route in module.ROUTES]
