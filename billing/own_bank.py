"""Money between what a provider holds for us and our own bank, in both directions."""

from __future__ import annotations

from billing.providers.own_bank_facts import BankPayoutChanged, TopUpChanged
from billing.wallet import bookings


def follow_payout(fact: BankPayoutChanged) -> None:
    """Safe to repeat, in any order of its news; must run inside a transaction."""
    of_payout = (fact.payout_id, fact.provider, fact.money)
    bookings.bank_payout_sent(*of_payout)
    if fact.came_back:
        bookings.bank_payout_returned(*of_payout)
    elif fact.arrived:
        bookings.bank_payout_arrived(*of_payout)


def follow_top_up(fact: TopUpChanged) -> None:
    """Safe to repeat, in any order of its news; must run inside a transaction."""
    of_top_up = (fact.top_up_id, fact.provider, fact.money)
    if fact.received:
        bookings.top_up_received(*of_top_up)
    if fact.returned:
        bookings.top_up_returned(*of_top_up)
