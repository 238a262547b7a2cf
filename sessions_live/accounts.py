"""Who may have an account, and whether somebody is who they say."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.kit import limiter
from config.kit.client_address import network
from config.kit.errors import AppError
from config.kit.limiter import Limit
from sessions_live.models import User, normal_email
from sessions_live.signals import registered
from sessions_live.tokens import CHALLENGE

FAILED_SIGN_INS_PER_MINUTE = 5
# Longer ones would only make the server hash more.
LONGEST_PASSWORD = 1024


class EmailTaken(AppError):
    code = "email_taken"
    status = 409
    detail = "There is an account with this e-mail address already; sign in instead."


class WrongCredentials(AppError):
    code = "authentication_failed"
    status = 401
    detail = "No active account has this e-mail address and password."
    auth_header = CHALLENGE


def refuse_weak_password(*, email: str, password: str) -> None:
    """Raises Django's ValidationError under the field's name, for any kind of form."""
    try:
        validate_password(password, User(email=email))
    except ValidationError as weak:
        raise ValidationError({"password": weak.error_list}) from None


def register(*, email: str, password: str, address: str | None) -> User:
    limiter.take(Limit("registration", network(address), settings.REGISTRATIONS_PER_MINUTE))
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
            registered.send(User, user=user)
            return user
    except IntegrityError:
        raise EmailTaken(attr="email") from None


def check_credentials(*, email: str, password: str, address: str | None) -> User:
    """Counts before it looks, so a volley gains nothing; as slow for an unknown e-mail."""
    digest = hashlib.sha256(normal_email(email).encode()).hexdigest()
    account = Limit("sign-in-account", digest, FAILED_SIGN_INS_PER_MINUTE)
    by_address = Limit("sign-in-address", network(address), settings.SIGN_INS_PER_MINUTE)
    attempt = limiter.take(by_address, account)
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise WrongCredentials
    limiter.give_back(attempt, account)
    return user
