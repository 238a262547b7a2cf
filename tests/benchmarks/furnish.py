"""Our tables, and the customers whose events arrive: an event of a stranger would be ignored."""

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from billing.models import Customer  # noqa: E402
from sessions_live.models import User  # noqa: E402
from tests.benchmarks.events import CUSTOMERS  # noqa: E402

call_command("migrate", verbosity=0)
for customer in CUSTOMERS:
    user = User.objects.create(email=f"{customer}@example.com", password="!")
    Customer.objects.create(user=user, provider="stripe", provider_id=customer)
