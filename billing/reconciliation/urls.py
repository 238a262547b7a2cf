from __future__ import annotations

from django.urls import re_path

from billing.reconciliation import api

urlpatterns = [
    re_path(
        r"^api/v1/admin/reconciliations/?$",
        api.ReconciliationsView.as_view(),
        name="api-reconciliations",
    ),
    re_path(
        r"^api/v1/admin/reconciliations/(?P<pk>[0-9]{1,18})/?$",
        api.ReconciliationView.as_view(),
        name="api-reconciliation",
    ),
]
