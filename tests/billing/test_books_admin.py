from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from billing import bookkeeping
from billing.wallet.models import Account, Entry, Escrow, Transfer
from config.kit.money import Money
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.deals import Deal

BOOKS = "/admin/wallet/account/books/"


def staff(shop: Shop, group: str) -> Client:
    person = shop.person(is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(person)
    return browser


@pytest.fixture
def auditor(shop: Shop) -> Client:
    return staff(shop, "Auditor")


@pytest.fixture
def finance(shop: Shop) -> Client:
    return staff(shop, "Finance")


@pytest.fixture
def deal(shop: Shop, alice: User, bob: User) -> Deal:
    return Deal(shop, alice, bob)


def page(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_the_books_are_shown_to_add_up_and_to_agree_with_the_provider(deal: Deal, auditor: Client):
    deal.shop.buy(deal.alice, "lifetime")
    deal.release(deal.hold(1_000), amount=400)
    bookkeeping.collect_fees()
    shown = page(auditor, BOOKS)
    for name in ("revenue", "stripe:clearing", "wallet:…", "escrow:…", "fees:platform"):
        assert name in shown
    assert "$0.00 ✓" in shown
    assert "there and in our books ✓" in shown
    assert "✗" not in shown


def test_a_fee_that_is_not_booked_yet_is_shown_as_a_difference(deal: Deal, auditor: Client):
    deal.hold(1_000)
    assert "apart ✗" in page(auditor, BOOKS)


def test_the_books_are_shown_while_the_provider_does_not_answer(deal: Deal, auditor: Client):
    deal.hold(1_000)
    fault = {"match": "GET /v1/balance", "mode": "status", "status": 500, "times": 9}
    deal.shop.stripe.control("faults", **fault)
    shown = page(auditor, BOOKS)
    assert "did not answer" in shown or "out of reach" in shown
    assert "$0.00 ✓" in shown


def test_each_account_leads_to_its_entries_and_each_entry_to_its_transfer(
    deal: Deal, auditor: Client
):
    deal.release(deal.hold(1_000))
    purse = Account.objects.get(name=f"wallet:{deal.bob.pk}")
    assert purse.name in page(auditor, f"/admin/wallet/account/?q={deal.bob.email}")
    assert f"/admin/wallet/entry/?account={purse.pk}" in page(
        auditor, f"/admin/wallet/account/{purse.pk}/change/"
    )
    assert deal.bob.email in page(auditor, f"/admin/wallet/account/{purse.pk}/change/")
    listed = page(auditor, f"/admin/wallet/entry/?account={purse.pk}")
    assert "entrys" not in listed.lower()
    assert "$9.00" in listed
    transfer = Transfer.objects.get(entries__account=purse)
    assert transfer.reference in listed
    assert f'href="/admin/wallet/transfer/{transfer.pk}/change/"' in listed
    assert f'href="/admin/wallet/account/{purse.pk}/change/"' in listed
    whole = page(auditor, f"/admin/wallet/transfer/{transfer.pk}/change/")
    assert "fees:platform" in whole
    found = page(auditor, f"/admin/wallet/transfer/?q={transfer.reference}")
    assert transfer.reference in found


def test_nothing_in_the_books_can_be_changed_from_the_console(deal: Deal):
    deal.hold(1_000)
    root = Client()
    root.force_login(deal.shop.person(is_staff=True, is_superuser=True))
    for model in (Account, Transfer, Entry):
        path = f"/admin/wallet/{model._meta.model_name}/"
        row = model.objects.all()[0]
        assert root.get(f"{path}add/").status_code == 403
        assert root.post(f"{path}{row.pk}/change/", {}).status_code == 403
        assert root.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_finance_releases_in_parts_and_it_is_noted_who_and_why(deal: Deal, finance: Client):
    escrow_id = deal.hold(1_000)
    path = f"/admin/wallet/escrow/{escrow_id}/"
    assert "Release…" in page(finance, f"{path}change/")
    assert "<h2>Release escrow</h2>" in page(finance, f"{path}release/")
    assert deal.wallet()["available_balance"] == 0
    said = {"amount": "4", "reason": "Agreed", "seen": 0}
    told = finance.post(f"{path}release/", said, follow=True)
    assert "$4.00 was released; $6.00 is left." in told.content.decode()
    assert deal.wallet()["available_balance"] == 360
    assert LogEntry.objects.get().get_change_message() == "Released $4.00: Agreed"
    told = finance.post(f"{path}release/", said, follow=True)
    assert "Nothing was done. Some of it has left meanwhile: $6.00 is held now." in text(told)
    more = {"amount": "6.01", "reason": "Too much", "seen": 400}
    told = finance.post(f"{path}release/", more, follow=True)
    assert "Nothing was done. $6.00 is left." in text(told)
    finer = {"amount": "1.001", "reason": "Too fine", "seen": 400}
    assert "no smaller parts" in text(finance.post(f"{path}release/", finer, follow=True))
    assert deal.wallet()["available_balance"] == 360


def test_what_waits_is_shown_with_its_story_its_entries_and_its_payment(
    deal: Deal, auditor: Client
):
    escrow_id = deal.hold(1_000)
    deal.release(escrow_id, amount=400)
    assert "Held in escrow" in page(auditor, "/admin/wallet/escrow/")
    seen = page(auditor, f"/admin/wallet/escrow/{escrow_id}/change/")
    for words in ("$10.00", "$6.00", "10 %; $0.40 until now", f"escrow:{escrow_id}"):
        assert words in seen
    assert "$4.00 released by alice@example.com" in seen
    assert f"/admin/billing/payment/{escrow_id}/change/" in seen


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_only_finance_releases(deal: Deal, auditor: Client):
    escrow_id = deal.hold(1_000)
    path = f"/admin/wallet/escrow/{escrow_id}/"
    assert "Release…" not in page(auditor, f"{path}change/")
    assert auditor.get(f"{path}release/").status_code == 403
    assert auditor.post(f"{path}release/", {"reason": "Mine"}).status_code == 403
    assert Escrow.objects.get().left == Money(1_000, "usd")


def test_a_breach_is_shown_with_where_it_is(deal: Deal, auditor: Client):
    deal.hold(1_000)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE wallet_account SET balance = 7 WHERE NOT is_shared")
        cursor.execute("RESET session_replication_role")
    shown = page(auditor, BOOKS)
    assert "✗ Not right" in shown
    assert "its entries add up to 1000" in shown
