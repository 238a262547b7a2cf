"""Having things compared when somebody asks: for whom, and who does the work."""

from __future__ import annotations

from typing import Any

from billing.models import Customer
from billing.reconciliation import tasks
from billing.reconciliation.models import Run
from billing.reconciliation.running import begin
from config.kit.announcing import announce
from config.kit.errors import AppError


class UnknownCustomer(AppError):
    code = "unknown_customer"

    def __init__(self, customer: str) -> None:
        super().__init__(f"Nobody here is known to the provider as {customer}.", attr="customer")


def ask(**wishes: Any) -> Run:
    """As `begin`; a worker carries it on, and beat where that call is lost."""
    run = begin(**wishes)
    announce(tasks.carry_on, str(run.pk))
    return run


def find_customer(term: str, provider: str = "stripe") -> Customer:
    """By the provider's id, or by an e-mail address. Raises UnknownCustomer."""
    known = Customer.objects.filter(provider=provider).exclude(provider_id=None)
    wanted = {"user__email": term.lower()} if "@" in term else {"provider_id": term}
    found = known.filter(**wanted).first()
    if found is None:
        raise UnknownCustomer(term)
    return found
