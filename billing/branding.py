from __future__ import annotations

import logging
from functools import cache

from django.conf import settings
from django.http import HttpRequest

from billing.catalogue import CatalogRefused, find_catalog, read_catalog

log = logging.getLogger(__name__)


@cache
def product_name() -> str:
    """The catalogue's title. A broken file is `sync_catalog`'s to refuse; pages go on without."""
    try:
        return read_catalog(find_catalog(settings.CATALOG)).title
    except CatalogRefused as refusal:
        log.warning("pages have no product name: %s", refusal)
        return "Billing"


def branding(request: HttpRequest) -> dict[str, object]:
    """For every template: whose shop this is, and whether its money is real."""
    return {"product_name": product_name(), "test_mode": not settings.STRIPE_LIVE_MODE}
