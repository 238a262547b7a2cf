from django.apps import AppConfig


class WalletConfig(AppConfig):
    name = "billing.wallet"
    label = "wallet"
    verbose_name = "Books"
