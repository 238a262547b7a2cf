"""Asking the sandbox to misbehave."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.sandbox import Sandbox

from .answers import call


@call
def add(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """`{match, mode, times?, status?, retry_header?, retry_after?, seconds?}`"""
    return asdict(sandbox.faults.add(body))


@call
def clear(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    sandbox.faults.clear()
    return {"ok": True}


@call
def show(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> list[dict[str, Any]]:
    return [asdict(fault) for fault in sandbox.faults.active]


ROUTES = [
    Route("/_sandbox/faults", add, methods=["POST"]),
    Route("/_sandbox/faults", show, methods=["GET"]),
    Route("/_sandbox/faults", clear, methods=["DELETE"]),
]
