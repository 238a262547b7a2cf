from __future__ import annotations

import json
import logging

import pytest

from config.kit.logs import JSONFormatter

KEY = "sk_" + "0123456789abcdef" * 4
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


def written(message: str, **told: object) -> str:
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, message, None, None)
    record.__dict__.update(told)
    return JSONFormatter().format(record)


@pytest.mark.parametrize("secret", [KEY, TOKEN, "whsec_0123456789abcdefghijkl"])
@pytest.mark.parametrize("around", ["{}", "/keys/{}", "?key={}&x=1", "Bearer%20{}", '"{}"', "_{}_"])
def test_a_line_holds_no_credential(secret: str, around: str):
    text = around.format(secret)
    line = written(text, request=f"GET {text}")
    assert secret[:24] not in line
    assert secret[-16:] not in line
    assert json.loads(line)["level"] == "INFO"


@pytest.mark.parametrize(
    "text", [KEY[:20], "task_0123456789abcdefghijkl", "pi_0123456789abcdefghijklmn", "eyJ.a.b"]
)
def test_what_is_no_credential_is_told_as_it_is(text: str):
    assert json.loads(written(text))["message"] == text


def test_a_trace_holds_none_either():
    try:
        raise ValueError(f"what is {KEY}?")
    except ValueError as error:
        told = written("it broke", exc_info=(type(error), error, error.__traceback__))
    assert "what is …?" in json.loads(told)["exc_info"]
