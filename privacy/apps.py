from importlib import import_module

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "privacy"
    verbose_name = "Privacy"

    def ready(self) -> None:
        import_module("privacy.receivers")
        import_module("privacy.at_providers")
