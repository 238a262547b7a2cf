from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.buyer import Buyer
from tests.product import Product

NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


def find_chromium() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        missing = f"No Chromium on the path ({', '.join(NAMES)})."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


# Not for the session: while Playwright runs, its loop keeps Django's tests from the database.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    executable = find_chromium()
    with sync_playwright() as playwright:
        # A page whose answer a test holds back has no address; Chromium would keep it from ours.
        args = ["--disable-features=LocalNetworkAccessChecks"]
        browser = playwright.chromium.launch(executable_path=executable, args=args)
        yield browser
        browser.close()


@pytest.fixture
def shop(product: Product) -> Iterator[Product]:
    yield product
    product.stripe.http.delete("/_sandbox/faults")


@pytest.fixture
def settings_of_browser() -> dict[str, Any]:
    return {}


@pytest.fixture
def context(
    chromium: Browser, shop: Product, settings_of_browser: dict[str, Any]
) -> Iterator[BrowserContext]:
    """A browser of somebody new. Our own pages must not make it complain, about the Content
    Security Policy or anything else."""
    context = chromium.new_context(base_url=shop.url, **settings_of_browser)
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        ours = message.location.get("url", "").startswith(shop.url)
        # A page that asks anew gives up what it asked before; htmx says so in two lines.
        given_up = message.text.startswith(("htmx:afterRequest,", "htmx:sendAbort,"))
        if ours and not given_up and message.type in ("error", "warning"):
            complaints.append(message.text)

    context.on("console", note)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    assert not complaints


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def buyer(page: Page, shop: Product) -> Buyer:
    return Buyer(page, shop).sign_up()
