from importlib import import_module

from django.apps import AppConfig


class APIKeysConfig(AppConfig):
    name = "apikeys"
    verbose_name = "API keys"

    def ready(self) -> None:
        import_module("apikeys.receivers")
        import_module("apikeys.schema")
        # A file of public keys that cannot be read stops the start, not the first report.
        import_module("apikeys.leaks").known_signers()
