"""Who may come in: any secret test key of the real shape, never a live one."""

import base64
import re

from sandbox.errors import StripeError

_TEST_KEY = re.compile(r"(sk|rk)_test_\w{24,}")


def check_key(authorization: str | None) -> str:
    """The key; raises Stripe's 401 without a good one."""
    scheme, _, credentials = (authorization or "").partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        key = base64.b64decode(key + "===").decode(errors="replace").partition(":")[0]
    elif scheme.lower() != "bearer":
        key = ""
    if not key:
        raise _refused(
            "You did not provide an API key. You need to provide your API key in the Authorization"
            " header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See"
            " https://stripe.com/docs/api#authentication for details, or we can help at"
            " https://support.stripe.com/."
        )
    if key.startswith(("sk_live_", "rk_live_")):
        raise _refused("This is a sandbox on your own machine: it never takes a live key.")
    if not _TEST_KEY.fullmatch(key):
        shown = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}" if len(key) > 12 else key
        raise _refused(f"Invalid API Key provided: {shown}")
    return key


def _refused(message: str) -> StripeError:
    return StripeError(401, "invalid_request_error", message)
