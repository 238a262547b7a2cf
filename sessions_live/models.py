from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone

from config.kit.ids import new_id

LONGEST_IDLE = timedelta(days=7)
UNKNOWN = "Unknown"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=normal_email(email), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=normal_email(username or ""))


def normal_email(email: str) -> str:
    return email.strip().lower()


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # The sign-in that this person acts through now; set where a credential was checked.
    live_session: LiveSession | None = None

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_user_per_email"),
        ]
        indexes = [models.Index(Upper("name"), name="users_by_name")]

    def __str__(self) -> str:
        return self.email

    @property
    def is_reachable(self) -> bool:
        """An erased person's address leads nowhere (RFC 2606)."""
        return not self.email.endswith(".invalid")

    def clean(self) -> None:
        super().clean()
        self.email = normal_email(self.email)


class LiveSessionQuerySet(models.QuerySet["LiveSession"]):
    def live(self) -> LiveSessionQuerySet:
        return self.filter(ended_at=None)

    def idle(self) -> LiveSessionQuerySet:
        """Live by its row, but nobody was active in it for a week."""
        return self.live().filter(last_active_at__lte=timezone.now() - LONGEST_IDLE)

    def of(self, user_id: int) -> LiveSessionQuerySet:
        """What a person sees in the list of their sessions."""
        return self.live().filter(user=user_id, last_active_at__gt=timezone.now() - LONGEST_IDLE)

    def usable(self, at: datetime) -> LiveSessionQuerySet:
        """Live, of a person who may sign in."""
        return self.live().filter(last_active_at__gt=at - LONGEST_IDLE, user__is_active=True)


class DeviceType(models.TextChoices):
    DESKTOP = "desktop"
    MOBILE = "mobile"
    TABLET = "tablet"
    BOT = "bot"


class LiveSession(models.Model):
    """One sign-in on one device. Ended, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="live_sessions")
    user_agent = models.CharField(max_length=400, blank=True)
    device_type = models.CharField(
        max_length=10, choices=DeviceType.choices, default=DeviceType.DESKTOP
    )
    browser = models.CharField(max_length=60, default=UNKNOWN)
    os = models.CharField(max_length=60, default=UNKNOWN)
    ip = models.GenericIPAddressField(null=True, blank=True)
    location = models.CharField(max_length=120, default=UNKNOWN)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_active_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=30, blank=True)
    # The one refresh token that is good now; showing an older one ends the session.
    refresh_jti = models.CharField(max_length=32, blank=True)

    objects = LiveSessionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-last_active_at"], name="live_sessions_of_user"),
            models.Index(
                fields=["last_active_at"], name="live_sessions_idle", condition=Q(ended_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_live(self) -> bool:
        return self.ended_at is None

    @property
    def device_name(self) -> str:
        if self.os == UNKNOWN:
            return "Unknown device" if self.browser == UNKNOWN else self.browser
        return f"{self.browser} on {self.os}"
