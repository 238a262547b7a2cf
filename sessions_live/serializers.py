from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kit.api import StrictSerializer
from sessions_live.accounts import LONGEST_PASSWORD, refuse_weak_password
from sessions_live.models import DeviceType, User


class CredentialsSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class RegistrationSerializer(CredentialsSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_weak_password(**attrs)
        return attrs


class AccountSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email")
        read_only_fields = fields


class ProfileSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email", "name", "is_staff", "created_at")
        read_only_fields = fields


class RefreshSerializer(StrictSerializer):
    refresh = serializers.CharField(max_length=4096)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SignInSerializer(TokenPairSerializer):
    session_id = serializers.UUIDField()


class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    device_type = serializers.ChoiceField(DeviceType.choices)
    device_name = serializers.CharField()
    browser = serializers.CharField()
    os = serializers.CharField()
    ip = serializers.IPAddressField(allow_null=True)
    location = serializers.CharField()
    login_time = serializers.DateTimeField()
    last_active = serializers.DateTimeField()
    online = serializers.BooleanField()
    is_current = serializers.BooleanField()


class RevokedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class RevokedCountSerializer(RevokedSerializer):
    revoked_count = serializers.IntegerField()
