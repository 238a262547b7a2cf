"""News for those above. Sent inside the transaction: a receiver succeeds or fails with it."""

from __future__ import annotations

from django.dispatch import Signal

# user: User. Somebody opened an account.
registered = Signal()
# session: LiveSession. Somebody who is known signed in as they never did before.
signed_in_anew = Signal()
