"""The row that the view looks for: an endpoint with its secret, as its admin would make it."""

import os

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from djstripe.models import WebhookEndpoint  # noqa: E402

call_command("migrate", verbosity=0)
WebhookEndpoint.objects.create(
    id="we_benchmark",
    djstripe_uuid=os.environ["ENDPOINT"],
    secret=os.environ["STRIPE_WEBHOOK_SECRET"],
    url=f"http://127.0.0.1/stripe/webhook/{os.environ['ENDPOINT']}/",
    enabled_events=["*"],
    status="enabled",
    livemode=False,
)
