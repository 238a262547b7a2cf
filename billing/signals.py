"""News for those above. Sent inside the transaction: a receiver succeeds or fails with it."""

from __future__ import annotations

from django.dispatch import Signal

# entitlement: Entitlement
access_granted = Signal()
# entitlement: Entitlement
access_revoked = Signal()
# user: User, at: datetime. Asked by staff: a receiver returns an access_history.Section, or None.
access_explained = Signal()
# Sent by the sweep, outside any transaction: a receiver returns what it found, by kind.
swept = Signal()
