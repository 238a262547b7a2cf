"""HTTP to Stripe that never outlasts our patience: not by a slow answer, not by one that drips, not
by trying again, and not at all while Stripe is down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import requests
import stripe
from urllib3.exceptions import HTTPError

from billing.providers import patience
from billing.providers.base import ProviderDown
from billing.providers.breaker import Breaker

# Seconds that one try may take.
TRY = 4.0
# Stripe asks for less than that: trying again is then a matter of this very call.
SHORT_REST = 1.0

breaker = Breaker("stripe")


class HurriedClient(stripe.RequestsClient):
    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        ends_at = time.monotonic() + min(TRY, patience.left())
        try:
            answer = self._session_of_thread().request(
                method,
                url,
                headers=headers,
                data=post_data,
                timeout=max(ends_at - time.monotonic(), 0.01),
                stream=True,
                verify=stripe.ca_bundle_path,
            )
            body = read_by(ends_at, answer)
        except requests.RequestException as error:
            self._handle_request_error(error)
        return body, answer.status_code, answer.headers

    def request_with_retries(self, *args: Any, **options: Any) -> tuple[Any, int, Any]:
        with patience.limited():
            if patience.left() <= 0:
                raise ProviderDown()
            breaker.ask()
            try:
                answer: tuple[Any, int, Any] = super().request_with_retries(*args, **options)
            except stripe.APIConnectionError:
                breaker.failed()
                raise
        self._note(answer[1], answer[2])
        return answer

    def _should_retry(self, response: Any, *args: Any) -> bool:
        if patience.left() < TRY * 1.5:
            return False
        asked = wait_of(response[2]) if response is not None else None
        if asked is not None and asked > SHORT_REST:
            return False
        return bool(super()._should_retry(response, *args))

    def _note(self, status: int, headers: Mapping[str, str]) -> None:
        if status >= 500:
            breaker.failed()
        elif status == 429:
            breaker.rest(wait_of(headers) or 0)
        else:
            breaker.worked()

    def _session_of_thread(self) -> requests.Session:
        # One for each thread, as the package has it.
        if getattr(self._thread_local, "session", None) is None:
            self._thread_local.session = requests.Session()
        session: requests.Session = self._thread_local.session
        return session


def read_by(ends_at: float, answer: requests.Response) -> bytes:
    """Whatever comes, as it comes. A time-out of the socket alone begins anew with each byte."""
    parts = []
    try:
        while part := answer.raw.read1(65536, decode_content=True):
            parts.append(part)
            if time.monotonic() > ends_at:
                raise requests.ReadTimeout("the answer dripped")
    except (HTTPError, OSError) as error:
        answer.close()
        raise requests.ConnectionError(error) from error
    return b"".join(parts)


def wait_of(headers: Mapping[str, str] | None) -> float | None:
    """The seconds of `Retry-After`; Stripe sends no dates."""
    try:
        return max(float((headers or {})["Retry-After"]), 0.0)
    except (KeyError, ValueError):
        return None
