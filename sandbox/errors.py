"""The errors that Stripe answers with, and the one that only a sandbox can have."""

from typing import Any

DOCS = "https://stripe.com/docs/error-codes/"


class SandboxBug(Exception):
    """The sandbox made something that the real API could not have made."""


class StripeError(Exception):
    """An error answer. `keeps_changes` is for a decline: what led to it has happened."""

    def __init__(
        self, status: int, type_: str, message: str, *, keeps_changes: bool = False, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keeps_changes = keeps_changes
        self.body = {"type": type_, "message": message}
        self.body.update({key: value for key, value in more.items() if value is not None})
        if code := self.body.get("code"):
            self.body.setdefault("doc_url", DOCS + code.replace("_", "-"))


class InvalidRequest(StripeError):
    def __init__(
        self,
        message: str,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        **more: Any,
    ) -> None:
        super().__init__(status, "invalid_request_error", message, param=param, code=code, **more)


class Missing(InvalidRequest):
    """No such object: 404 when the URL names it, 400 when a parameter does."""

    def __init__(self, kind: str, id_: str, param: str | None = None, in_url: bool = False) -> None:
        label = {"payment_method": "PaymentMethod", "test_helpers.test_clock": "test clock"}.get(
            kind, kind.replace("subscription_item", "subscription item")
        )
        message = f"No such {label}: '{id_}'"
        if kind == "payment_method":
            message += (
                "; It's possible this PaymentMethod exists on one of your connected accounts, in"
                " which case you should retry this request on that connected account. Learn more"
                " at https://stripe.com/docs/connect/authentication"
            )
        super().__init__(message, param or "id", "resource_missing", 404 if in_url else 400)
