"""News of the inbox for those above. Sent inside the transaction."""

from __future__ import annotations

from django.dispatch import Signal

# provider: str, ids: list[str]. An event about somebody forgotten has taken effect.
late_news = Signal()
