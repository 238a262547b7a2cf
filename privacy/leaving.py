"""Whether it is really they who want to leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.kit.client_address import client_address
from config.kit.errors import AppError
from privacy.erasing import request_erasure
from privacy.models import Erasure
from sessions_live import accounts
from sessions_live.models import User

Pieces = Iterator[str]


class WrongPassword(AppError):
    code = "wrong_password"
    status = 403
    detail = "This is not your password; nothing was done."


def leave(user: User, password: str, *, meta: Mapping[str, Any]) -> Erasure:
    """Raises WrongPassword, NotNow, Throttled."""
    try:
        accounts.check_credentials(
            email=user.email, password=password, address=client_address(meta)
        )
    except accounts.WrongCredentials:
        raise WrongPassword(attr="password") from None
    return request_erasure(user)
