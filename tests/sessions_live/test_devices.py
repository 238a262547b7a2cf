from __future__ import annotations

import pytest

from sessions_live.devices import recognise
from sessions_live.models import LiveSession

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "kind", "name"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/140.0.0.0 Safari/537.36",
            "desktop",
            "Chrome on Windows",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/140.0.0.0 Safari/537.36"
            " Edg/140.0.0.0",
            "desktop",
            "Edge on Windows",
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.0"
            " Safari/605.1.15",
            "desktop",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "desktop",
            "Firefox on Linux",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {BLINK} Chrome/140.0.0.0 Mobile"
            " Safari/537.36",
            "mobile",
            "Chrome on Android",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-X710) {BLINK} Chrome/140.0.0.0 Safari/537.36",
            "tablet",
            "Chrome on Android",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} Version/18.0"
            " Mobile/15E148 Safari/604.1",
            "mobile",
            "Safari on iOS",
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {WEBKIT} Version/16.6 Mobile/15E148"
            " Safari/604.1",
            "tablet",
            "Safari on iPadOS",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} CriOS/140.0.0.0"
            " Mobile/15E148 Safari/604.1",
            "mobile",
            "Chrome on iOS",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/140.0.0.0 Mobile Safari/537.36"
            " EdgA/140.0.0.0",
            "mobile",
            "Edge on Android",
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "bot",
            "Googlebot",
        ),
        ("", "desktop", "Unknown device"),
        ("x" * 400, "desktop", "Unknown device"),
    ],
    ids=lambda given: given[:12] if isinstance(given, str) else "",
)
def test_a_browser_is_recognised(user_agent, kind, name):
    device = recognise(user_agent)
    session = LiveSession(browser=device.browser, os=device.os)
    assert (device.type, session.device_name) == (kind, name)
