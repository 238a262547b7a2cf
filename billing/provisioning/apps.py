from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "billing.provisioning"
    label = "provisioning"
    verbose_name = "Provisioning"
