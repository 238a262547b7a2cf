from __future__ import annotations

from django.urls import re_path

from billing.wallet import api

urlpatterns = [
    re_path(r"^api/v1/wallet/?$", api.WalletView.as_view(), name="api-wallet"),
    re_path(
        r"^api/v1/wallet/transactions/?$", api.MovementsView.as_view(), name="api-wallet-movements"
    ),
]
