"""Playing recorded requests to the real Stripe against the sandbox, ids put in their place."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from starlette.testclient import TestClient

from sandbox.application import make_application
from sandbox.resources.payment_methods import make_card
from sandbox.world.rows import World

from .desk import KEY

FILE = Path(__file__).parents[3] / "shared" / "fixtures" / "stripe" / "recorded_exchanges.json"
_ID = re.compile(
    r"\b(?:cus|pm|pi|ch|py|in|sub|si|price|prod|seti|re|tr|cs_test|inpay|il|ii|cn|acct|txn|di|promo)"
    r"_[A-Za-z0-9_]{8,}"
)
_IGNORED = {"metadata", "message", "doc_url", "request_log_url", "url", "client_secret"}
_COMPARED = {
    "status", "amount", "amount_due", "amount_paid", "currency", "paid", "captured", "refunded",
    "type", "mode", "payment_status", "billing_reason", "collection_method", "quantity", "total",
    "cancel_at_period_end", "code", "decline_code", "param", "unit_amount", "subtotal",
    "attempted", "attempt_count", "last4", "brand",
}  # fmt: skip


@dataclass
class Score:
    counts: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "bool",
        int: "number",
        float: "number",
        str: "text",
        list: "list",
        dict: "object",
    }
    return names[type(value)]


def objects_in(value: Any) -> list[dict[str, Any]]:
    found = []
    if isinstance(value, dict):
        if isinstance(value.get("object"), str) and "id" in value and value["object"] != "list":
            found.append(value)
        for inner in value.values():
            found += objects_in(inner)
    elif isinstance(value, list):
        for inner in value:
            found += objects_in(inner)
    return found


class Tape:
    """One recorded test: requests in order, from an empty sandbox."""

    def __init__(self, rows: list[list[Any]], score: Score) -> None:
        self.rows = rows
        self.score = score
        self.world = World()
        self.client = TestClient(make_application(self.world), raise_server_exceptions=False)
        self.ids: dict[str, str] = {}
        self.known: dict[str, dict[str, Any]] = {}
        for row in rows:
            for body in objects_in(_json(row[5])):
                if body["object"] != "plan":  # which has the id of its price
                    self.known.setdefault(body["id"], body)

    def play(self) -> None:
        for _, method, path, query, status, text in self.rows:
            recorded = _json(text)
            if recorded is not None and not (status == 401 or "credit_notes" in path):
                self._exchange(method, path, query, status, recorded)

    def _exchange(self, method: str, path: str, query: str, status: int, recorded: Any) -> None:
        self._import_what_existed(f"{path} {unquote(query)}")
        pairs = parse_qsl(query, keep_blank_values=True)
        sent = "&".join(f"{quote(k)}={quote(self._mapped(v))}" for k, v in pairs)
        path = self._mapped(path)
        headers = {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if method == "get":
            answer = self.client.get(f"{path}?{sent}" if sent else path, headers=headers)
        else:
            answer = self.client.request(method.upper(), path, content=sent, headers=headers)
        self.score.counts["requests"] += 1
        got = answer.json()
        if answer.status_code != status:
            told = (got.get("error") or {}).get("message", "")[:90]
            self.score.differences[
                f"{method} {path[:40]} {status}->{answer.status_code} {told}"
            ] += 1
            return
        self.score.counts["same status"] += 1
        if status == 200:
            self._learn(recorded, got)
            self._compare(recorded, got, recorded.get("object", ""))
        else:
            wanted, told = recorded["error"], got["error"]
            fields = ("type", "code", "param", "decline_code")
            same = all(wanted.get(f) == told.get(f) for f in fields)
            self.score.counts["errors"] += 1
            self.score.counts["same error"] += same
            self.score.counts["same message"] += wanted["message"] == told["message"]

    def _mapped(self, text: str) -> str:
        return _ID.sub(lambda m: self.ids.get(m[0], m[0]), unquote_plus(text))

    def _import_what_existed(self, text: str) -> None:
        prices = set(re.findall(r"(?:price|plan)\]=([\w-]+)", text)) - {"invalid"}
        for id_ in (prices | set(_ID.findall(text))) - self.ids.keys() - self.world.rows.keys():
            with self.world.work():
                if body := self.known.get(id_):
                    self._import(body)
                elif id_.startswith("acct_"):
                    self.world.add(self.world.new("account", id=id_))
                elif id_ in prices:
                    self._make_price(id_, one_time="mode=payment" in text)
                elif id_.startswith("pm_1") and (found := re.search(r"/(cus_\w+) ", text)):
                    customer = self._mapped(found[1])
                    method = make_card(self.world, "4242424242424242")
                    self.ids[id_] = method["id"]
                    method["customer"] = customer

    def _import(self, body: dict[str, Any]) -> None:
        body = json.loads(json.dumps(body))
        if body.get("customer") in self.ids:
            body["customer"] = self.ids[body["customer"]]
        if body["object"] == "price" and body["product"] not in self.world.rows:
            self.world.add(self.world.new("product", id=body["product"], name="Imported"))
        if body["object"] == "invoice" and body["status"] == "paid":
            body.update(status="open", amount_remaining=body["amount_due"], amount_paid=0)
        self.world.add(body)

    def _make_price(self, id_: str, one_time: bool) -> None:
        recurring = {
            "interval": "month", "interval_count": 1, "meter": None,
            "trial_period_days": None, "usage_type": "licensed",
        }  # fmt: skip
        product = self.world.create("product", name="Imported")
        self.world.create(
            "price", id=id_, product=product["id"], unit_amount=1000, unit_amount_decimal="1000",
            currency="usd", active=True, recurring=None if one_time else recurring,
            type="one_time" if one_time else "recurring",
        )  # fmt: skip

    def _learn(self, recorded: Any, got: Any) -> None:
        for real, ours in zip(objects_in(recorded), objects_in(got), strict=False):
            if real["object"] == ours["object"]:
                self.ids[real["id"]] = ours["id"]
                for name, value in real.items():
                    other = ours.get(name)
                    if isinstance(value, str) and isinstance(other, str) and _ID.fullmatch(value):
                        self.ids[value] = other
                if real["object"] == "invoice_payment":
                    key = "payment_intent"
                    self.ids[str(real["payment"].get(key))] = str(ours["payment"].get(key))

    def _compare(self, real: Any, ours: Any, place: str) -> None:
        for name in real.keys() - _IGNORED:
            if name not in ours:
                self.score.differences[f"missing {place}.{name}"] += 1
            else:
                self._compare_field(real[name], ours[name], name, f"{place}.{name}")
        for name in ours.keys() - real.keys() - {"metadata", "request_log_url"}:
            self.score.differences[f"extra {place}.{name}"] += 1

    def _compare_field(self, real: Any, ours: Any, name: str, place: str) -> None:
        if kind_of(real) != kind_of(ours):
            self.score.differences[f"{kind_of(real)}->{kind_of(ours)} {place}"] += 1
        elif isinstance(real, dict):
            self._compare(real, ours, real.get("object") or place)
        elif isinstance(real, list):
            for a, b in zip(real, ours, strict=False):
                if isinstance(a, dict) and isinstance(b, dict):
                    self._compare(a, b, a.get("object") or f"{place}[]")
        elif name in _COMPARED:
            self.score.counts["values"] += 1
            self.score.counts["same value"] += real == ours
            if real != ours:
                self.score.differences[f"value {place}: {real} -> {ours}"] += 1


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def play_all(versions: tuple[str, ...]) -> Score:
    tapes: dict[str, list[list[Any]]] = {}
    # Some ids are masked in part.
    text = FILE.read_text().replace("<VENDOR_ID>", "1").replace("<VENDOR_AUTH_CODE>", "x")
    for row in json.loads(text):
        name, _, version = row[0].partition("@")
        if version.startswith(versions):
            tapes.setdefault(name, []).append(row)
    score = Score()
    for rows in tapes.values():
        Tape(rows, score).play()
    return score
