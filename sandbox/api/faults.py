"""Misbehaving on request: errors, silence, lost answers."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.errors import InvalidRequest

Mode = Literal["status", "delay", "reset_before", "reset_after", "slow_drip"]
MODES = ("status", "delay", "reset_before", "reset_after", "slow_drip")


@dataclass(slots=True)
class Fault:
    match: str
    mode: Mode
    times: int
    status: int = 500
    retry_header: bool | None = None
    retry_after: int | None = None
    seconds: float = 2.0
    used: int = 0

    def fits(self, method: str, path: str) -> bool:
        wanted_method, _, wanted_path = self.match.rpartition(" ")
        if wanted_method not in ("", "*", method):
            return False
        return path.startswith(wanted_path) or bool(re.search(wanted_path, path))


class Faults:
    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(self, wanted: dict[str, Any]) -> Fault:
        mode = wanted.get("mode")
        if mode not in MODES:
            raise InvalidRequest(f"mode must be one of {', '.join(MODES)}", "mode")
        names = {"status", "retry_header", "retry_after", "seconds"} & wanted.keys()
        fault = Fault(
            match=wanted.get("match", "/v1"),
            mode=mode,
            times=int(wanted.get("times", 1)),
            **{name: wanted[name] for name in names},
        )
        re.compile(fault.match)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        self.active.clear()

    def take(self, method: str, path: str) -> Fault | None:
        for fault in self.active:
            if fault.fits(method, path):
                fault.used += 1
                if fault.used >= fault.times:
                    self.active.remove(fault)
                return fault
        return None


_MESSAGES = {
    429: ("rate_limit_error", "Too many requests hit the API too quickly.", "rate_limit"),
    409: (
        "invalid_request_error",
        "This object cannot be accessed right now because another API request or Stripe process"
        " is currently accessing it.",
        "lock_timeout",
    ),
    402: ("card_error", "Your card was declined.", "card_declined"),
}


def fault_body(status: int) -> dict[str, Any]:
    type_, message, code = _MESSAGES.get(
        status,
        (
            "api_error" if status >= 500 else "invalid_request_error",
            "An error occurred with our connection to Stripe (asked for by the sandbox's tester).",
            None,
        ),
    )
    error = {"type": type_, "message": message}
    return {"error": {**error, "code": code} if code else error}
