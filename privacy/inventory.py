"""What is stored about a person, table by table: what they get to see of it, what goes when they
leave, and what the law keeps. A table that names a person and is not here fails the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import Func, Model, QuerySet
from django.utils.functional import cached_property

from sessions_live.models import User

TAX = "Tax and accounting law: ten years"
INVOICED = "Tax law: ten years, with the name and address that an invoice was made out to"
PROOF = "Proof that a wish was carried out once; it names nobody"
ACCESS = "Which rights there were, to answer for them; it names nobody"
# Not a person's to see: what a credential is checked against, and what we reckon with.
HIDDEN = frozenset(
    {"password", "key_hash", "refresh_jti", "fingerprint", "idempotency_key", "client_secret"}
)


class WithoutEmail(Func):
    template = "jsonb_set(%(expressions)s, '{email}', '\"\"')"


@dataclass(frozen=True)
class Table:
    """`scrub` empties columns, `goes` deletes the rows; `law` is why the rest stays."""

    label: str
    owner: str
    law: str = ""
    scrub: Mapping[str, Any] = field(default_factory=dict)
    goes: bool = False
    shown: bool = True

    @cached_property
    def model(self) -> type[Model]:
        return apps.get_model(self.label)

    @property
    def words(self) -> str:
        """For a receipt."""
        named = str(self.model._meta.verbose_name_plural)
        return named[:1].upper() + named[1:]

    @property
    def name(self) -> str:
        """Of its section in an export."""
        table = self.model._meta.db_table
        return table if self.owner in ("user", "payment__user") else f"{table}_{self.owner}"

    def of(self, user: User) -> QuerySet[Any]:
        return self.model._default_manager.filter(**{self.owner: user.pk})

    def rows(self, user: User) -> Iterator[dict[str, Any]]:
        columns = [f for f in self.model._meta.concrete_fields if f.name not in HIDDEN]
        for row in self.of(user).order_by("pk").iterator(chunk_size=500):
            yield {column.attname: getattr(row, column.attname) for column in columns}


INVENTORY = (
    Table(
        "sessions_live.LiveSession",
        "user",
        law="When there was a sign-in, for the safety of the service; it names nobody",
        scrub={
            "user_agent": "",
            "browser": "Unknown",
            "os": "Unknown",
            "ip": None,
            "location": "Unknown",
        },
    ),
    Table("billing.Customer", "user", law=TAX),
    Table(
        "billing.Order",
        "user",
        law=TAX,
        scrub={"success_url": "", "cancel_url": "", "url": "", "idempotency_key": None},
    ),
    Table(
        "billing.Invoice",
        "user",
        law=INVOICED,
        scrub={"bill_to": WithoutEmail("bill_to"), "hosted_url": "", "provider_pdf_url": ""},
    ),
    Table("billing.Conversation", "user", law=TAX, scrub={"title": ""}),
    Table("billing.Subscription", "user", law=TAX),
    Table(
        "billing.Payment",
        "user",
        law=TAX,
        scrub={"description": "", "method": "", "failure_message": ""},
    ),
    Table("billing.SubscriptionEvent", "subscription__user", law=TAX, scrub={"reason": ""}),
    Table(
        "billing.Purchase",
        "user",
        law=TAX,
        scrub={
            "client_secret": "",
            "url": "",
            "success_url": "",
            "cancel_url": "",
            "saved_method": "",
            "refusal": "",
            "idempotency_key": None,
        },
    ),
    Table(
        "wallet.Escrow",
        "payer",
        law=TAX,
        scrub={"description": "", "client_secret": "", "page_url": "", "idempotency_key": None},
    ),
    # What the other side wrote stays theirs.
    Table("wallet.Escrow", "payee", law=TAX),
    Table("wallet.Payout", "user", law=TAX, scrub={"idempotency_key": None}),
    Table("wallet.PayoutAccount", "user", law=TAX, scrub={"requirements": [], "is_ready": False}),
    Table("billing.PaymentEvent", "payment__user", law=TAX),
    Table(
        "billing.PaymentAttempt",
        "payment__user",
        law=TAX,
        scrub={"method": "", "message": "", "error": {}},
    ),
    Table("billing.Entitlement", "user", law=ACCESS),
    Table(
        "billing.EntitlementOverride",
        "user",
        law=ACCESS,
        scrub={"reason": "Erased", "end_reason": ""},
    ),
    Table("provisioning.Message", "user", law=ACCESS),
    Table("usage.Allowance", "user", goes=True),
    Table("usage.Counter", "user", goes=True),
    Table("usage.UsageEvent", "user", goes=True),
    Table("usage.DailyUsage", "user", goes=True),
    Table("usage.Threshold", "user", goes=True),
    Table("usage.Correction", "user", law=ACCESS, scrub={"reason": "Erased"}),
    # What was written to somebody is emptied by its own room, which still has a mail to send.
    Table("mails.Mail", "user", law=PROOF),
    Table(
        "operations.Operation",
        "user",
        law=PROOF,
        scrub={"wishes": {}, "words": "", "idempotency_key": None},
    ),
    Table(
        "apikeys.APIKey",
        "user",
        law=ACCESS,
        # The reason may be an address where a key was found.
        scrub={"name": "Erased", "revoke_reason": "Erased"},
    ),
    Table("admin.LogEntry", "user", law=ACCESS, shown=False),
    Table("privacy.Erasure", "user", law=PROOF),
)
