"""Whoever shows many keys that are none is guessing. They are slowed down, and somebody is told;
a key that is good works on from the same address."""

from __future__ import annotations

import logging

from django.views.decorators.debug import sensitive_variables

from apikeys.minting import digest
from config.kit import limiter
from config.kit.client_address import network
from config.kit.limiter import Limit, TooMany

alarm = logging.getLogger("alarm")

# Different ones: a program that goes on with its revoked key guesses nothing.
GUESSES_PER_MINUTE = 60
BETWEEN_ALARMS = 3600


@sensitive_variables()
def note_guess(secret: str, address: str | None) -> None:
    """Raises TooMany."""
    source = network(address)
    try:
        guesses = Limit("key-guesses", source, GUESSES_PER_MINUTE)
        limiter.take(guesses, attempt=digest(secret)[:32])
    except TooMany:
        cry_once(source)
        raise


def cry_once(source: str) -> None:
    try:
        limiter.take(Limit("key-guesses-alarm", source, 1, BETWEEN_ALARMS))
    except TooMany:
        return
    alarm.error("API keys are being guessed", extra={"address": source})
