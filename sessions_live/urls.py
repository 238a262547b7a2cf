from __future__ import annotations

from django.contrib.auth.views import LogoutView as SignOutPage
from django.urls import path, re_path

from sessions_live import api, session_api, views

urlpatterns = [
    re_path(r"^api/v1/auth/register/?$", api.RegisterView.as_view(), name="register"),
    re_path(r"^api/v1/auth/token/?$", api.TokenView.as_view(), name="token"),
    re_path(r"^api/v1/auth/token/refresh/?$", api.TokenRefreshView.as_view(), name="token-refresh"),
    re_path(r"^api/v1/auth/logout/?$", api.LogoutView.as_view(), name="logout"),
    re_path(r"^api/v1/sessions/?$", session_api.SessionsView.as_view(), name="session-list"),
    re_path(
        r"^api/v1/sessions/revoke-others/?$",
        session_api.RevokeOthersView.as_view(),
        name="session-revoke-others",
    ),
    re_path(
        r"^api/v1/sessions/(?P<session_id>[^/]+)/?$",
        session_api.SessionView.as_view(),
        name="session",
    ),
    path("sessions", views.SessionsPage.as_view(), name="sessions"),
    path("sign-in", views.SignInPage.as_view(), name="sign-in"),
    path("sign-up", views.SignUpPage.as_view(), name="sign-up"),
    path("sign-out", SignOutPage.as_view(), name="sign-out"),
]
