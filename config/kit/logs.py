"""Logs as one JSON object a line, in which no credential works."""

from __future__ import annotations

import logging

from pythonjsonlogger.json import JsonFormatter

from config.kit import request_id
from config.kit.credentials import without_credentials


class RequestIDFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.current.get()
        return True


class JSONFormatter(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}{request_id}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )

    def format(self, record: logging.LogRecord) -> str:
        """Whoever shows a key in an address has it in what Django and uvicorn say of it."""
        return without_credentials(super().format(record))
