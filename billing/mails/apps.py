from django.apps import AppConfig


class MailsConfig(AppConfig):
    name = "billing.mails"
    verbose_name = "Mails"
