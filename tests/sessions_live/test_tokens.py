from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from rest_framework_simplejwt.tokens import AccessToken

from sessions_live import tokens
from sessions_live.models import LiveSession
from sessions_live.tokens import TokenRefused
from tests.waiting import eventually


def sign_in(user) -> tokens.TokenPair:
    return tokens.sign_in(user, ip=None, user_agent="")


def test_a_refresh_token_is_traded_for_a_new_pair_of_the_same_session(alice):
    first = sign_in(alice)
    second = tokens.rotate(first.refresh)
    third = tokens.rotate(second.refresh)
    assert len({first.refresh, second.refresh, third.refresh}) == 3
    assert tokens.read_access(third.access).session_id == first.session_id


def test_a_used_refresh_token_ends_its_session(alice):
    first = sign_in(alice)
    second = tokens.rotate(first.refresh)
    with pytest.raises(TokenRefused):
        tokens.rotate(first.refresh)
    with pytest.raises(TokenRefused):
        tokens.rotate(second.refresh)
    assert LiveSession.objects.get(pk=first.session_id).end_reason == "refresh_reused"


def test_a_refresh_token_of_a_disabled_person_is_refused(alice):
    pair = sign_in(alice)
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(TokenRefused):
        tokens.rotate(pair.refresh)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.é.é", "." * 4000])
def test_rubbish_is_refused(text, db):
    with pytest.raises(TokenRefused):
        tokens.rotate(text)


def test_an_access_token_does_not_refresh(alice):
    with pytest.raises(TokenRefused):
        tokens.rotate(sign_in(alice).access)


def test_a_token_that_was_good_is_refused_from_its_end_on(alice):
    token = AccessToken(sign_in(alice).access)  # type: ignore[arg-type]
    token.set_exp(lifetime=timedelta(seconds=2))
    short = str(token)

    def is_refused() -> bool:
        try:
            return tokens.read_access(short) is None
        except TokenRefused:
            return True

    assert not is_refused()
    assert eventually(is_refused)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_one_refresh_token_a_single_one_gets_a_pair(alice):
    pair, start = sign_in(alice), Barrier(8)

    def rotate(_: int) -> bool:
        start.wait()
        try:
            tokens.rotate(pair.refresh)
        except TokenRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(rotate, range(8))) == 1
    assert not LiveSession.objects.live().exists()
