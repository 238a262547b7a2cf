"""What is compared, in this order: what comes later rests on what comes before."""

from __future__ import annotations

from billing.reconciliation.balances import Balances, Bookings
from billing.reconciliation.bought_rights import BoughtRights
from billing.reconciliation.comparers import Comparer
from billing.reconciliation.movements import Movements
from billing.reconciliation.objects import Customers, Invoices, Payments, Subscriptions
from billing.reconciliation.rights import Rights

COMPARERS: list[Comparer] = [
    Customers(),
    Subscriptions(),
    Invoices(),
    Payments(),
    Rights(),
    BoughtRights(),
    Movements(),
    Bookings(),
    Balances(),
]


def comparer_of(kind: str) -> Comparer | None:
    """None where a version of old found what this one does not know."""
    return next((each for each in COMPARERS if kind in each.kinds), None)
