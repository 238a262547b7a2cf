from __future__ import annotations

from django.urls import path, re_path

from apikeys import api, views

PK = r"(?P<pk>[0-9]{1,18})"

urlpatterns = [
    re_path(r"^api/v1/api-keys/?$", api.KeysView.as_view(), name="api-keys"),
    re_path(rf"^api/v1/api-keys/{PK}/?$", api.KeyView.as_view(), name="api-key"),
    re_path(rf"^api/v1/api-keys/{PK}/reveal/?$", api.RevealView.as_view(), name="api-key-reveal"),
    re_path(rf"^api/v1/api-keys/{PK}/rotate/?$", api.RotateView.as_view(), name="api-key-rotate"),
    re_path(r"^webhooks/leaked-keys/?$", views.leaked_keys, name="leaked-keys"),
    path("keys", views.overview, name="keys"),
    path("keys/<int:pk>/reveal", views.reveal, name="key-reveal"),
    path("keys/<int:pk>/rotate", views.rotate, name="key-rotate"),
    path("keys/<int:pk>/revoke", views.revoke, name="key-revoke"),
]
