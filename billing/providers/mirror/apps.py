from django.apps import AppConfig


class MirrorConfig(AppConfig):
    name = "billing.providers.mirror"
    label = "mirror"
    verbose_name = "Stripe mirror"

    def ready(self) -> None:
        from billing.providers.mirror.silence import silence_djstripe

        silence_djstripe()
