"""How `POST /usage` deals with the rest of HTTP, whichever door it is asked through."""

from __future__ import annotations

import gzip
import re
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest

from billing.usage.models import UsageEvent
from sessions_live.models import User
from tests.billing.usage.conftest import counted
from tests.billing.usage.doors import MADE_HERE, ONE, PATH, Asker, dressed, refusal

OURS, THEIRS = "http://localhost:8000", "https://elsewhere.example"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;x=1"]
)
def test_json_may_be_announced_as_one_likes(asker: Asker, kind: str):
    assert asker.say(ONE, **{"Content-Type": kind}).status_code == 201


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_what_is_not_json_is_refused(asker: Asker, kind: str | None):
    answer = asker.say(ONE, **{"Content-Type": kind})
    assert refusal(answer) == (415, "unsupported_media_type", None)
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize(
    "kind", ["*/*", "application/*", "text/html, */*;q=0.1", "application/json;q=0.5"]
)
def test_who_takes_json_gets_it(asker: Asker, kind: str):
    answer = asker.say(ONE, Accept=kind)
    assert answer.status_code == 201
    dressed(answer)


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "text/*", "nonsense"])
def test_who_takes_no_json_is_told_before_anything_is_counted(asker: Asker, kind: str):
    assert refusal(asker.say(ONE, Accept=kind)) == (406, "not_acceptable", None)
    assert refusal(asker.say("{", Accept=kind)) == (406, "not_acceptable", None)
    assert not UsageEvent.objects.exists()


def test_indented_json_is_the_same(asker: Asker):
    answer = asker.say(ONE, Accept="application/json; indent=4")
    assert "\n    " in answer.text
    assert answer.json()["used"] == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_another_verb_is_not_allowed(asker: Asker, method: str):
    answer = asker.ask(method, content=ONE)
    assert refusal(answer) == (405, "method_not_allowed", None)
    assert not UsageEvent.objects.exists()


def test_a_verb_is_not_overridden(asker: Asker):
    assert asker.say(ONE, **{"X-HTTP-Method-Override": "GET"}).status_code == 201


def test_reading_counts_nothing(asker: Asker):
    read, head = asker.ask("GET", content=ONE), asker.ask("HEAD")
    assert (read.status_code, head.status_code, head.content) == (200, 200, b"")
    assert [each["usage_type"] for each in read.json()] == ["entry", "export", "storage"]
    dressed(read)
    assert head.headers["content-type"] == "application/json"
    assert not UsageEvent.objects.exists()


def test_the_door_says_what_it_takes(asker: Asker):
    answer = asker.ask("OPTIONS")
    assert (answer.status_code, answer.json()["parses"]) == (200, ["application/json"])
    dressed(answer)


def preflight(asker: Asker, origin: str, **asked: str) -> httpx.Response:
    named = {f"Access-Control-Request-{name.title()}": value for name, value in asked.items()}
    return asker.ask("OPTIONS", headers={"Authorization": None, "Origin": origin, **named})


def test_our_own_frontends_may_ask_from_a_browser(asker: Asker):
    answer = preflight(asker, OURS, method="POST", headers="authorization,content-type")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OURS
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    needed = {"authorization", "content-type", "idempotency-key", "x-request-id"}
    assert needed <= set(allowed)
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
    assert "origin" in answer.headers["vary"].lower()
    counted_one = asker.say(ONE, Origin=OURS)
    assert counted_one.headers["access-control-allow-origin"] == OURS
    assert asker.say("{", Origin=OURS).headers["access-control-allow-origin"] == OURS
    readable = counted_one.headers["access-control-expose-headers"].split(", ")
    assert {"Retry-After", "X-Request-ID"} <= set(readable)


@pytest.mark.parametrize("origin", [THEIRS, "null", "nonsense", OURS + "0"])
def test_other_pages_learn_nothing_in_a_browser(asker: Asker, origin: str):
    for answer in (preflight(asker, origin, method="POST"), asker.say(ONE, Origin=origin)):
        assert answer.is_success
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("host", ["elsewhere.example", "a b", "", "127.0.0.1@x"])
def test_a_host_that_is_not_ours_is_refused(asker: Asker, host: str):
    answer = asker.say(ONE, Host=host)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "bad_request")
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize("name", ["mine-1", "a.b:c_D-9", "x" * 128])
def test_a_requests_own_id_is_answered(asker: Asker, name: str):
    for body in (ONE, "{"):
        assert asker.say(body, **{"X-Request-ID": name}).headers["x-request-id"] == name


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "<script>", "mine,mine"])
def test_an_id_that_is_none_is_replaced(asker: Asker, name: str):
    for body in (ONE, "{"):
        answer = asker.say(body, **{"X-Request-ID": name})
        assert MADE_HERE.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "path",
    [
        PATH + "/",
        PATH + "?usage_type=export&amount=9",
        PATH + "?format=json",
        PATH + "?",
        "/api/v1/us%61ge",
    ],
)
def test_it_is_the_same_door_however_its_path_is_written(asker: Asker, path: str):
    answer = asker.ask(path=path, content=ONE)
    assert (answer.status_code, answer.json()["used"]) == (201, 1)
    assert UsageEvent.objects.get().usage_type == "entry"


@pytest.mark.parametrize(
    "path",
    [PATH + "//", PATH + "%0a", PATH + ";x", PATH + "x", "/api/v1/Usage", PATH + "?format=xml"],
)
def test_another_path_is_another_door(asker: Asker, path: str):
    answer = asker.ask(path=path, content=ONE)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")
    assert not UsageEvent.objects.exists()


def test_a_header_that_comes_twice_is_no_credential(asker: Asker):
    twice = [*asker.usual.items(), ("Authorization", asker.usual["Authorization"])]
    answer = asker.door.http.post(PATH, headers=twice, content=ONE)
    assert refusal(answer) == (401, "token_not_valid", None)
    named = [*asker.usual.items(), ("X-Request-ID", "a"), ("X-Request-ID", "b")]
    answer = asker.door.http.post(PATH, headers=named, content=ONE)
    assert MADE_HERE.fullmatch(answer.headers["x-request-id"])


def test_what_one_request_leaves_unread_is_not_the_next_one(asker: Asker, alice: User):
    inner = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 23\r\n\r\n{ONE}"
    for sent in ({"Accept": "text/html"}, {"Content-Type": "text/plain"}, {"Authorization": None}):
        assert asker.say(inner, **sent).is_client_error
        assert asker.use().status_code == 201
    assert counted(alice) == 3


@pytest.mark.parametrize(("credential", "told"), [({}, 413), ({"Authorization": "x"}, 401)])
def test_too_large_a_body_is_refused_before_it_comes(asker: Asker, credential: dict, told: int):
    wire = HTTPConnection(*asker.door.address, timeout=20)
    headers = {**asker.usual, **credential, "Content-Length": "1000001"}
    with closing(wire):
        wire.request("POST", PATH, headers=headers)
        assert wire.getresponse().status == told
    assert asker.say(ONE + " " * 900_000).status_code == 201


@pytest.mark.parametrize("parts", [[ONE.encode()], [b"{"], [ONE[:9].encode(), ONE[9:].encode()]])
def test_a_body_of_unannounced_length_is_refused_as_that(asker: Asker, parts: list[bytes]):
    answer = asker.ask(content=iter(parts))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (411, "length_required")
    assert asker.use().json()["used"] == 1


def test_a_packed_body_is_no_json(asker: Asker):
    answer = asker.say(gzip.compress(ONE.encode()), **{"Content-Encoding": "gzip"})
    assert refusal(answer) == (400, "parse_error", None)


def test_it_is_measured_like_every_other_answer(asker: Asker):
    def measured(status: int) -> int:
        shown = asker.ask("GET", "/metrics").text
        line = rf'^http_requests_total{{method="POST",status="{status}",view="[^"]*usage[^"]*"}} '
        found = re.search(line + r"(\d+)", shown, re.MULTILINE)
        return int(found[1]) if found else 0

    before = measured(201), measured(400)
    asker.use()
    asker.say("{")
    assert (measured(201), measured(400)) == (before[0] + 1, before[1] + 1)
