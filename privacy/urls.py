from __future__ import annotations

from django.urls import path, re_path

from privacy import api, views

urlpatterns = [
    re_path(r"^api/v1/me/?$", api.MeView.as_view(), name="me"),
    re_path(r"^api/v1/me/export/?$", api.ExportView.as_view(), name="me-export"),
    path("privacy", views.PrivacyPage.as_view(), name="privacy"),
    path("privacy/my-data.json", views.download, name="my-data"),
    path("privacy/erasures/<uuid:pk>", views.ErasurePage.as_view(), name="erasure"),
]
