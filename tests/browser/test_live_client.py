"""What the page makes of each frame, from a server that says exactly what a test wants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.buyer import Buyer


def news(event_id: int, *, status: str = "succeeded") -> str:
    data = {"payment_id": str(event_id), "status": status, "message": f"No. {event_id}"}
    return json.dumps({"event_id": event_id, "type": "payment:update", "data": data})


class Server:
    """Its end of /ws/payments. `answers` is what it says to a `resume`, before the pong."""

    def __init__(self, page: Page) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answers: list[str] = []
        self.hangs_up = False
        self.opened = 0
        page.route_web_socket("**/ws/payments", self._take)

    def _take(self, socket: WebSocketRoute) -> None:
        self.socket, self.opened = socket, self.opened + 1
        socket.on_message(lambda text: self._answer(socket, json.loads(text)))

    def _answer(self, socket: WebSocketRoute, message: dict[str, Any]) -> None:
        self.heard.append(message)
        if message["type"] == "resume":
            for frame in self.answers:
                socket.send(frame)
            if self.hangs_up:
                self.hangs_up = False
                socket.close(code=1012)
        elif message["type"] == "ping":
            socket.send('{"type":"pong"}')

    def say(self, *frames: str) -> None:
        for frame in frames:
            self.socket.send(frame)

    def goes_away(self) -> None:
        self.socket.close(code=1012)

    @property
    def asked(self) -> list[int]:
        return [message["after"] for message in self.heard if message["type"] == "resume"]


@pytest.fixture
def server(buyer: Buyer, page: Page) -> Server:
    server = Server(page)
    page.add_init_script(NOTES_DOWN)
    page.goto("/")
    expect(page.locator("#connection")).to_have_text("Live")
    return server


NOTES_DOWN = """
window.told = [];
addEventListener("payment:update", ({ detail }) => told.push(detail.payment_id));
"""


def told(page: Page, *numbers: int) -> None:
    page.wait_for_function("count => told.length >= count", arg=len(numbers), timeout=10_000)
    assert page.evaluate("window.told") == [str(number) for number in numbers]


def test_news_have_the_colour_of_what_became_of_the_payment(server: Server, page: Page):
    server.say(news(1, status="succeeded"), news(2, status="failed"), news(3, status="processing"))
    for number, tone in ((0, "success"), (1, "danger"), (2, "info")):
        note = page.get_by_role("status").locator(".toast").nth(number)
        expect(note).to_have_class(f"toast {tone}")
        edge = note.evaluate("note => getComputedStyle(note).borderLeftColor")
        assert edge == page.evaluate(
            """tone => { const it = document.body.appendChild(document.createElement('i'));
            it.style.color = `var(--${tone})`; return getComputedStyle(it).color }""",
            tone,
        )


def test_what_was_missed_is_asked_for_and_told_in_order_and_once(server: Server, page: Page):
    server.say(news(1))
    told(page, 1)
    # One that happens now overtakes those that were missed, and one was seen already.
    server.answers = [news(4), news(1), news(2), news(3)]
    server.goes_away()
    told(page, 1, 2, 3, 4)
    assert server.asked == [1]


def test_a_line_that_breaks_while_it_tells_is_asked_again_from_the_same_place(
    server: Server, page: Page
):
    server.say(news(1))
    server.answers, server.hangs_up = [news(3)], True
    server.goes_away()
    expect(page.locator("#connection")).to_have_text("Reconnecting…")
    server.answers = [news(2), news(3)]
    told(page, 1, 2, 3)
    assert server.asked == [1, 1]


def test_the_page_is_read_anew_after_a_reset_and_not_for_a_sign_of_life(server: Server, page: Page):
    page.evaluate("window.reads = []")
    for name in ("live:reset", "live:aftermath"):
        page.evaluate("n => document.body.addEventListener(n, () => reads.push(n))", name)
    server.say('{"type":"pong"}', '{"type":"reset"}', news(7))
    told(page, 7)
    assert page.evaluate("window.reads") == ["live:reset"]
    page.wait_for_function("() => reads.length > 1", timeout=10_000)
    assert page.evaluate("window.reads[1]") == "live:aftermath"


def test_who_saw_nothing_yet_reads_what_happened_since_the_page_was_made(buyer: Buyer, page: Page):
    Server(page)
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
        page.goto("/")


def test_the_badge_tells_of_the_connection(server: Server, page: Page):
    badge = page.get_by_role("status").filter(has_text="Live")
    expect(badge).to_have_class("badge success")
    server.goes_away()
    expect(page.locator("#connection")).to_have_text("Reconnecting…")
    expect(page.locator("#connection")).to_have_text("Live", timeout=10_000)
    server.socket.close(code=4403)
    expect(page.locator("#connection")).to_have_text("Not live")


BROWSER = """
window.shown = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = "granted"); }
  constructor(title, { body, tag }) { shown.push([body, tag]); }
};
Object.defineProperty(document, "hidden", { get: () => window.away });
"""


def test_a_browser_that_may_notifies_whoever_looks_elsewhere(
    buyer: Buyer, page: Page, server: Server
):
    page.add_init_script(BROWSER)
    page.goto("/")
    page.evaluate("window.away = true")
    server.say(news(1))
    told(page, 1)
    page.get_by_role("button", name="Notify me in this browser").click()
    expect(page.get_by_role("button", name="Notify me in this browser")).to_be_hidden()
    server.say(news(2))
    told(page, 1, 2)
    page.evaluate("window.away = false")
    server.say(news(3))
    told(page, 1, 2, 3)
    assert page.evaluate("window.shown") == [["No. 2", "2"]]
