from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "billing.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"
