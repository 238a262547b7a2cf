"""The same sale while parts of the house are down, and in whatever order the news come."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.product import Person, Product
from tests.waiting import eventually

ONE_OF_EACH = (1, 1, 1)
PRO = ([("succeeded", 9700)], ("active", "pro"), ("pro", True))


def pay(product: Product, buyer: Person) -> str:
    session_id = buyer.checkout("pro")
    product.stripe.pay(session_id).raise_for_status()
    return session_id


def end_is_right(buyer: Person) -> None:
    buyer.wait_until_all_is_heard()
    assert buyer.holdings() == PRO
    assert buyer.has() == ONE_OF_EACH


def test_the_worker_dies_before_the_event(product: Product):
    buyer = product.person()
    session_id = buyer.checkout("pro")
    dead = product.kill("worker")
    product.stripe.pay(session_id).raise_for_status()
    end_is_right(buyer)
    product.wait_until_replaced("worker", dead)


def test_the_web_dies_before_the_event(product: Product):
    buyer = product.person()
    session_id = buyer.checkout("pro")
    dead = product.kill("web")
    product.stripe.pay(session_id).raise_for_status()
    end_is_right(buyer)
    product.wait_until_replaced("web", dead)


def test_redis_is_killed_before_the_event(product: Product):
    buyer = product.person()
    session_id = buyer.checkout("pro")
    product.kill("redis")
    product.stripe.pay(session_id).raise_for_status()
    end_is_right(buyer)


def test_redis_hangs_all_the_while(product: Product):
    buyer = product.person()
    product.signal("redis", signal.SIGSTOP)
    try:
        pay(product, buyer)
        end_is_right(buyer)
        eventually(lambda: mails_sent_to(product, buyer) == ["key_ready", "receipt", "welcome"])
    finally:
        product.signal("redis", signal.SIGCONT)


def mails_sent_to(product: Product, person: Person) -> list[str]:
    sent = """SELECT template FROM mails_mail WHERE status = 'sent' AND "to" = %s ORDER BY 1"""
    return [template for (template,) in product.rows(sent, person.email)]


def test_the_event_comes_first(product: Product):
    buyer = product.person()
    session_id = pay(product, buyer)
    end_is_right(buyer)
    assert buyer.look_back(session_id)["subscription"]["status"] == "active"
    end_is_right(buyer)


def test_the_return_page_comes_first(product: Product):
    buyer = product.person()
    product.stripe.control("deliveries", mode="hold")
    session_id = pay(product, buyer)
    assert buyer.look_back(session_id)["subscription"]["status"] == "active"
    assert buyer.holdings() == PRO
    assert buyer.unheard()
    product.stripe.control("deliveries", mode="normal")
    end_is_right(buyer)


@pytest.mark.parametrize("mode", ["normal", "duplicate", "shuffle"])
def test_both_come_at_once(product: Product, mode: str):
    buyer = product.person()
    product.stripe.control("deliveries", mode="hold")
    session_id = pay(product, buyer)
    product.stripe.control("deliveries", mode=mode)
    with ThreadPoolExecutor(5) as pool:
        looks = [pool.submit(buyer.look_back, session_id) for _ in range(4)]
        product.stripe.control("deliveries/flush")
        assert {look.result()["status"] for look in looks} == {"complete"}
    end_is_right(buyer)


def test_stripe_is_down_while_one_buys(product: Product):
    buyer = product.person()
    product.stripe.control(
        "faults", match="POST /v1/checkout/sessions", mode="status", status=500, times=9
    )
    refused = buyer.post("checkout-sessions", tier="pro")
    assert (refused.status_code, refused.json()["type"]) == (502, "server_error")
    product.stripe.http.delete("/_sandbox/faults")
    pay(product, buyer)
    end_is_right(buyer)


def test_an_answer_that_is_lost_is_asked_for_again(product: Product):
    buyer = product.person()

    def ask() -> httpx.Response:
        wish, key = {"tier": "pro"}, {"Idempotency-Key": "lost"}
        return buyer.http.post("/api/v1/checkout-sessions", json=wish, headers=key)

    product.stripe.control(
        "faults", match="POST /v1/checkout/sessions", mode="reset_after", times=2
    )
    assert ask().status_code == 502
    found = ask()
    assert found.status_code == 201
    assert ask().json() == found.json()
    sessions = product.stripe.get("checkout/sessions", customer=buyer.customer)["data"]
    assert len(sessions) == 1


def test_a_socket_catches_up_on_what_it_missed(product: Product):
    buyer = product.person()
    pay(product, buyer)
    end_is_right(buyer)

    def news() -> list[str]:
        with buyer.socket() as socket:
            socket.send('{"type": "resume", "after": 0}')
            socket.send('{"type": "ping"}')
            frames = []
            while (frame := str(socket.recv(timeout=5))) != '{"type":"pong"}':
                frames.append(frame)
            return frames

    seen = eventually(news)
    assert len([frame for frame in seen if '"succeeded"' in frame]) == 1
