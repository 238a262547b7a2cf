"""Search: `field:"value"` terms joined by AND or OR, on plain fields and metadata."""

import re
from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.world.rows import Obj

from .operations import Call

_TERM = re.compile(
    r"""\s*(?P<no>-?)(?P<field>\w+(?:\[["']?[^\]"']+["']?\])?(?:\.\w+)*)\s*
    (?P<how>[:~]|>=|<=|>|<)\s*(?P<value>"[^"]*"|'[^']*'|[\w.-]+)\s*""",
    re.VERBOSE,
)


def searched(call: Call, kind: str) -> Obj:
    limit = call.params.get("limit", 10)
    start = int(call.params.get("page") or 0)
    test = _parsed(call.params["query"])
    found = [row.body for row in reversed(list(call.world.peek(kind))) if test(row.body)]
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "url": call.path,
    }


def _parsed(query: str) -> Any:
    joined = "OR" if re.search(r"\sOR\s", query) else "AND"
    terms = []
    for part in re.split(rf"\s+{joined}\s+", query, flags=re.IGNORECASE):
        match = _TERM.fullmatch(part)
        if match is None:
            raise InvalidRequest(f"We were unable to parse your search query: {query}", "query")
        terms.append(match.groupdict())
    decide = any if joined == "OR" else all
    return lambda body: decide(_matches(body, term) for term in terms)


def _matches(body: Obj, term: dict[str, str]) -> bool:
    wanted = term["value"].strip("\"'")
    value = _field(body, term["field"])
    if wanted == "null" and term["value"] == "null":
        result = value is None
    elif value is None:
        result = False
    elif term["how"] == "~":
        result = wanted.lower() in str(value).lower()
    elif term["how"] == ":":
        result = str(value).lower() == wanted.lower()
    else:
        compare = {">": value > int(wanted), "<": value < int(wanted),
                   ">=": value >= int(wanted), "<=": value <= int(wanted)}  # fmt: skip
        result = compare[term["how"]]
    return result != bool(term["no"])


def _field(body: Any, path: str) -> Any:
    for name in re.findall(r"[\w-]+", path):
        body = body.get(name) if isinstance(body, dict) else None
    return body
