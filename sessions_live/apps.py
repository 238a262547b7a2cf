from django.apps import AppConfig


class SessionsLiveConfig(AppConfig):
    name = "sessions_live"
    verbose_name = "People and sessions"

    def ready(self) -> None:
        from sessions_live import receivers, schema  # noqa: F401
