from importlib import import_module

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        import_module("billing.receivers")
        import_module("billing.webhook_handlers")
        import_module("billing.announcing")
        import_module("billing.mails.composing").call_product(
            import_module("billing.branding").product_name
        )
        # Carry out operations, though no fact leads to them.
        import_module("billing.duplicates")
        import_module("billing.escrow_start")
        import_module("billing.wallet.payout_accounts")
        import_module("billing.wallet.payout_steps")
        import_module("billing.subscription_acts")
        roles = import_module("billing.roles")
        # After the last app, when the permissions of all of them are there.
        *_, last = (app for app in apps.get_app_configs() if app.models_module)
        post_migrate.connect(roles.make_roles, sender=last)
