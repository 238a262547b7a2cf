from __future__ import annotations

from django.urls import path

from billing.mails import views

urlpatterns = [
    path("mail", views.overview, name="mail"),
    path("mail/<uuid:pk>", views.single, name="mail-single"),
    path("mail/<uuid:pk>/body", views.body, name="mail-body"),
]
