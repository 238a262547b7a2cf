"""News for those above. Sent inside the transaction: a receiver succeeds or fails with it."""

from __future__ import annotations

from django.dispatch import Signal

# entitlement: Entitlement
access_granted = Signal()
# entitlement: Entitlement
access_revoked = Signal()
