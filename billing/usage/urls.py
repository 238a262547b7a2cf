from __future__ import annotations

from django.urls import re_path

from billing.usage import api, views

urlpatterns = [
    re_path(r"^api/v1/usage/?$", api.UsageView.as_view(), name="api-usage"),
    re_path(r"^api/v1/usage/batch/?$", api.UsageBatchView.as_view(), name="api-usage-batch"),
    re_path(r"^api/v1/usage/history/?$", api.UsageHistoryView.as_view(), name="api-usage-history"),
    re_path(r"^usage$", views.usage, name="usage"),
]
