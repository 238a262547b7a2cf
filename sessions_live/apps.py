from django.apps import AppConfig


class SessionsLiveConfig(AppConfig):
    name = "sessions_live"
    verbose_name = "People and sessions"
