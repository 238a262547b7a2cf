from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from config.kit.limiter import TooMany
from sessions_live import accounts
from sessions_live.accounts import EmailTaken, WrongCredentials
from sessions_live.models import User
from tests.sessions_live.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def volley(count: int, act) -> list[str]:
    start = Barrier(count)

    def one(number: int) -> str:
        start.wait()
        try:
            act(number)
        except (TooMany, EmailTaken, WrongCredentials) as refused:
            return refused.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def check(email: str, password: str, address: str = "192.0.2.1") -> User:
    return accounts.check_credentials(email=email, password=password, address=address)


def test_of_a_volley_of_wrong_passwords_five_are_tried(alice):
    outcomes = volley(40, lambda number: check(alice.email, f"wrong {number}", f"192.0.2.{number}"))
    assert outcomes.count("authentication_failed") == 5
    assert outcomes.count("throttled") == 35


def test_good_sign_ins_do_not_use_up_the_tries(alice):
    for _ in range(12):
        assert check(alice.email, PASSWORD) == alice


def test_an_account_is_the_same_in_other_letters(alice):
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            check(alice.email, "wrong")
    with pytest.raises(TooMany):
        check(" ALICE@example.com", PASSWORD)


def test_sign_ins_are_limited_per_address_over_all_accounts(alice, settings):
    settings.SIGN_INS_PER_MINUTE = 3
    for number in range(3):
        with pytest.raises(WrongCredentials):
            check(f"user{number}@example.com", "wrong")
    with pytest.raises(TooMany):
        check(alice.email, PASSWORD)
    assert check(alice.email, PASSWORD, "192.0.2.2") == alice


def test_one_subscribers_whole_ipv6_network_counts_as_one(settings):
    settings.REGISTRATIONS_PER_MINUTE = 1
    accounts.register(email="a@example.com", password=PASSWORD, address="2001:db8::1")
    with pytest.raises(TooMany):
        accounts.register(email="b@example.com", password=PASSWORD, address="2001:db8::ffff")


def test_of_many_who_register_one_email_at_once_a_single_one_gets_it(settings):
    settings.REGISTRATIONS_PER_MINUTE = 100
    variants = ["new@example.com", "NEW@example.com", "New@Example.com"]

    def register(number: int) -> None:
        email = variants[number % 3]
        accounts.register(email=email, password=PASSWORD, address=None)

    outcomes = volley(6, register)
    assert sorted(outcomes) == ["done"] + ["email_taken"] * 5
    assert User.objects.count() == 1
