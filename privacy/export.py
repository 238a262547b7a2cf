"""All that is stored about a person, as one JSON document that is written while it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from billing.models import Customer
from billing.providers.mirror import forgetting
from billing.wallet.accounts import receivable, wallet
from billing.wallet.models import Entry
from privacy.inventory import HIDDEN, INVENTORY
from sessions_live.models import User

NOTE = (
    "Passwords and keys are stored as hashes that say nothing, and are left out. The payment "
    "provider's notifications, which we keep to process each once, repeat what stands under "
    "`at_the_provider`."
)


def export(user: User) -> Iterator[str]:
    head = {"exported_at": timezone.now(), "note": NOTE, "profile": profile(user)}
    yield _json(head)[:-1]
    for name, rows in sections(user):
        yield f', "{name}": ['
        for number, row in enumerate(rows):
            yield ("" if number == 0 else ", ") + _json(row)
        yield "]"
    yield "}"


def profile(user: User) -> dict[str, Any]:
    columns = [field.name for field in User._meta.concrete_fields if field.name not in HIDDEN]
    groups = list(user.groups.values_list("name", flat=True))
    return {name: getattr(user, name) for name in columns} | {"groups": groups}


def sections(user: User) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    for table in INVENTORY:
        if table.shown:
            yield table.name, table.rows(user)
    yield "ledger_entries", ledger_entries(user)
    yield "at_the_provider", at_the_provider(user)


def ledger_entries(user: User) -> Iterator[dict[str, Any]]:
    own = [wallet(user.pk), receivable(user.pk)]
    payments = [f"payment:{pk}" for pk in user.payments.values_list("pk", flat=True)]
    entries = Entry.objects.filter(account__name__in=own) | Entry.objects.filter(
        transfer__reference__in=payments
    )
    for entry in entries.select_related("transfer", "account").order_by("pk").iterator():
        yield {
            "reference": entry.transfer.reference,
            "account": entry.account.name,
            "amount": entry.amount,
            "currency": entry.account.currency,
        }


def at_the_provider(user: User) -> Iterator[dict[str, Any]]:
    for customer in Customer.objects.filter(user=user).exclude(provider_id=None):
        for kind, copy in forgetting.copies(str(customer.provider_id)):
            yield {"kind": kind, "object": copy}


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
