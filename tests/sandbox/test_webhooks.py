"""Telling of what happened: signed, at once, again until it is taken."""

from __future__ import annotations

import time

from .desk import Desk, eventually


def test_every_event_arrives_signed(desk: Desk) -> None:
    desk.complete(desk.checkout("subscription"))
    eventually(lambda: len(desk.taken()) == len(desk.events()))
    for item in desk.arrived():
        assert item["event"]["api_version"] == "2026-05-27.dahlia"
        assert item["event"]["livemode"] is False
    eventually(lambda: not desk.v1.events.list({"delivery_success": False}).data)
    assert all(event["pending_webhooks"] == 0 for event in desk.events())


def test_signatures_carry_the_real_time_however_far_the_clock_was_moved(desk: Desk) -> None:
    desk.advance(400)
    desk.customer(None)
    # The receiver checks the signature with its tolerance of five minutes.
    eventually(lambda: desk.taken() == ["customer.created"])
    assert desk.events()[0]["created"] > time.time() + 399 * 86400


def test_what_is_not_taken_is_sent_again(desk: Desk) -> None:
    desk.control("deliveries", mode="hold")
    desk.customer(None)
    desk.receiver.answers[desk.events()[-1]["id"]] = [500, 302]
    desk.control("deliveries/flush")
    eventually(lambda: desk.taken() == ["customer.created"])
    assert [item["status"] for item in desk.arrived()] == [500, 302, 200]
    delivery = eventually(lambda: desk.http.get("/_sandbox/deliveries").json())[0]
    eventually(lambda: desk.http.get("/_sandbox/deliveries").json()[0]["status"] == "delivered")
    assert delivery["type"] == "customer.created"


def test_hold_and_flush(desk: Desk) -> None:
    desk.control("deliveries", mode="hold")
    desk.customer(None)
    desk.customer(None)
    assert desk.control("deliveries/flush")["sent"] == 2
    eventually(lambda: len(desk.taken()) == 2)


def test_duplicate(desk: Desk) -> None:
    desk.control("deliveries", mode="duplicate", n=3)
    desk.customer(None)
    eventually(lambda: len(desk.arrived()) == 3)
    assert len({item["event"]["id"] for item in desk.arrived()}) == 1


def test_drop(desk: Desk) -> None:
    desk.control("deliveries", mode="drop", n=1)
    desk.customer(None)
    kept = desk.customer(None)
    eventually(lambda: desk.arrived())
    assert [item["event"]["data"]["object"]["id"] for item in desk.arrived()] == [kept]
    statuses = {d["status"] for d in desk.http.get("/_sandbox/deliveries").json()}
    assert "dropped" in statuses


def test_shuffle(desk: Desk) -> None:
    desk.control("deliveries", mode="shuffle", n=20)
    for _ in range(20):
        desk.customer(None)
    eventually(lambda: len(desk.arrived()) == 20)
    made = [event["id"] for event in desk.events()]
    assert [item["event"]["id"] for item in desk.arrived()] != made


def test_a_hand_made_event(desk: Desk) -> None:
    made = desk.control(
        "events",
        type="payout.paid",
        object={"object": "payout", "id": "po_1"},
        livemode=True,
        account="acct_other",
        created=1,
    )
    came = desk.receiver.came
    event = eventually(lambda: [i["event"] for i in came if i["event"]["id"] == made["id"]])[0]
    assert (event["livemode"], event["account"], event["created"]) == (True, "acct_other", 1)
    assert made["id"] not in [known["id"] for known in desk.events()]


def test_an_endpoint_hears_what_it_asked_for(desk: Desk) -> None:
    made = desk.v1.webhook_endpoints.create(
        {"url": desk.receiver.url + "?second", "enabled_events": ["product.created"]}
    )
    assert made.secret.startswith("whsec_")
    assert "secret" not in desk.v1.webhook_endpoints.retrieve(made.id).to_dict()
    desk.v1.webhook_endpoints.delete(made.id)
    kept = {endpoint.url: endpoint for endpoint in desk.v1.webhook_endpoints.list().data}
    assert kept.keys() == {desk.receiver.url, desk.receiver.connect_url}
    mine = kept[desk.receiver.url]
    assert (mine.enabled_events, mine.status) == (["*"], "enabled")


def test_events_can_be_read_back(desk: Desk) -> None:
    desk.subscription()
    found = desk.v1.events.list({"types": ["invoice.paid", "charge.*"]}).data
    assert {event.type for event in found} == {"invoice.paid", "charge.succeeded"}
    assert desk.v1.events.retrieve(found[0].id).id == found[0].id
    assert desk.v1.events.list({"type": "invoice.*"}).data
