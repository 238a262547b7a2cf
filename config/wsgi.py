"""HTTP: the webhook door first, then Django."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()

from billing.webhooks.door import WebhookDoor  # noqa: E402

application = WebhookDoor(django)
