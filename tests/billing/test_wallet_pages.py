"""The wallet's page, further back than what it shows first."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.test import Client

from billing.wallet import funds, ledger
from billing.wallet_views import SHOWN
from config.kit.money import Money
from sessions_live.models import User

MORE = 5
OLDER = re.compile(r'rel="next" href="(.+?)#movements-title"')
NEWER = re.compile(r'rel="prev" href="(.+?)#movements-title"')


@pytest.fixture
def earned(client: Client, alice: User) -> None:
    for number in range(SHOWN + MORE):
        money = Money(100 + number, "usd")
        with transaction.atomic():
            entries = [("stripe:clearing", -money), *funds.arriving(alice.pk, money)]
            ledger.post(reference=f"earned:{number}", entries=entries, description=f"Job {number}.")
    client.force_login(alice)


def jobs(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"Job (\d+)\.", page)]


def turned(client: Client, page: str, way: re.Pattern[str], **headers: str) -> str:
    found = way.search(page)
    assert found
    return client.get(f"/wallet{found[1]}", headers=headers).content.decode()


def test_older_transactions_are_a_page_away_and_so_is_the_way_back(client: Client, earned: None):
    newest = client.get("/wallet").content.decode()
    assert jobs(newest) == list(range(SHOWN + MORE - 1, MORE - 1, -1))
    assert not NEWER.search(newest)
    older = turned(client, newest, OLDER)
    assert jobs(older) == list(range(MORE - 1, -1, -1))
    assert not OLDER.search(older)
    assert jobs(turned(client, older, NEWER)) == jobs(newest)


def test_a_page_that_news_renew_stays_where_it_was_turned_to(client: Client, earned: None):
    newest = client.get("/wallet").content.decode()
    part = turned(client, newest, OLDER, hx_request="true")
    assert "<html" not in part
    assert jobs(part) == list(range(MORE - 1, -1, -1))
    address = OLDER.search(newest)
    assert address
    assert f'hx-get="/wallet{address[1]}"' in part


def test_a_cursor_that_is_none_shows_what_is_newest(client: Client, earned: None):
    assert jobs(client.get("/wallet?cursor=none").content.decode())[0] == SHOWN + MORE - 1
