from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    # The first is found at once, the last after a hundred others; nothing is asked more often.
    path("", include("billing.usage.urls")),
    path("", include("config.operations")),
    path("", include("sessions_live.urls")),
    path("", include("billing.urls")),
    path("", include("apikeys.urls")),
    path("", include("privacy.urls")),
    path("", include("billing.wallet.urls")),
    path("", include("billing.mails.urls")),
    path("", include("billing.reconciliation.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "config.refusals.bad_request"
handler403 = "config.refusals.permission_denied"
handler404 = "config.refusals.not_found"
handler500 = "config.refusals.server_error"
