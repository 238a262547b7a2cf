from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from billing.signals import swept
from billing.webhooks.signals import late_news
from privacy import erasing


@receiver(late_news)
def forget_again(provider: str, ids: list[str], **_: Any) -> None:
    erasing.again(provider, ids)


@receiver(swept)
def go_on(**_: Any) -> dict[str, int]:
    return erasing.sweep()
