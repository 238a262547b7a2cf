"""What each mail is told, by an example: a context has these keys, no more and no fewer.

Amounts are minor units with their currency; times are instants (or their ISO texts); None or an
empty text is what is not known or does not apply, and the mail goes without it.
"""

from __future__ import annotations

from typing import Any

PRICE = {"amount": 1900, "currency": "usd"}

SAMPLES: dict[str, dict[str, Any]] = {
    "welcome": {"email": "alice@example.com"},
    "receipt": {
        **PRICE,
        # The plan's or the item's name, or what the provider called it.
        "what": "Pro",
        # month, year, once, or empty where it is not known.
        "interval": "month",
        "paid_at": "2026-12-05T14:05:00+00:00",
        "method": "Visa •••• 4242",
        # Of the invoice or receipt; empty where there is none.
        "number": "R-2026-000042",
        "reference": "019b0c6e-6d0f-7c3e-9a55-0d5b8f0f2a11",
    },
    "trial_ending": {
        **PRICE,
        "plan": "Pro",
        "interval": "month",
        "trial_end": "2026-12-08T09:00:00+00:00",
        # Empty: nothing to charge is known, so a card has to be added.
        "method": "Visa •••• 4242",
    },
    "payment_failed": {
        **PRICE,
        "plan": "Pro",
        "method": "Visa •••• 0341",
        # What the bank said, as a sentence.
        "reason": "Your card has insufficient funds.",
        # None: we do not try again.
        "next_attempt_at": "2026-12-08T09:00:00+00:00",
        # None: there is no access to keep.
        "grace_until": "2026-12-19T09:00:00+00:00",
    },
    "card_expired": {
        **PRICE,
        "plan": "Pro",
        "method": "Visa •••• 0069",
        "next_attempt_at": "2026-12-08T09:00:00+00:00",
        "grace_until": "2026-12-19T09:00:00+00:00",
    },
    "no_card": {
        **PRICE,
        "plan": "Pro",
        "next_attempt_at": "2026-12-08T09:00:00+00:00",
        "grace_until": "2026-12-19T09:00:00+00:00",
    },
    "action_needed": {
        **PRICE,
        "plan": "Pro",
        "method": "Visa •••• 3184",
        "grace_until": "2026-12-19T09:00:00+00:00",
        # Of a change of plan that waits: what one has until it is confirmed, and until when it can
        # be. Empty and None: it is a renewal.
        "present": "",
        "confirm_by": None,
    },
    "subscription_changed": {
        # The new price.
        **PRICE,
        "before": "Basic",
        "plan": "Pro",
        "interval": "month",
        "at": "2026-12-05T14:05:00+00:00",
        # True: it is to happen at `at`. False: it has happened.
        "scheduled": False,
        # What was charged at once, in the same currency; None: nothing.
        "charged": 950,
    },
    "subscription_canceled": {
        "plan": "Pro",
        # When access ends, or ended.
        "ends_at": "2027-01-05T14:05:00+00:00",
        # True: it has ended; False: it can be used until then, and be taken up again.
        "ended": False,
    },
    "access_ended": {
        "plan": "Pro",
        # unpaid, refunded, disputed, paused, or anything else.
        "reason": "unpaid",
        "at": "2026-12-19T09:00:00+00:00",
    },
    "key_ready": {"plan": "Pro"},
    "key_expiring": {
        "name": "Nightly import",
        # The first twenty characters, which are no secret.
        "prefix": "sk_3f9a1c77d2b84e06a",
        "expires_at": "2026-12-12T14:05:00+00:00",
        "days": 7,
    },
    "key_leaked": {
        "name": "Nightly import",
        "prefix": "sk_3f9a1c77d2b84e06a",
        # Empty: whoever found it did not say where.
        "found_at": "https://github.com/alice/importer/blob/9f3c2ab/settings.py",
    },
    "usage_threshold": {
        "plan": "Free",
        "usage_type": "pain_entry",
        "percent": 80,
        "used": 80,
        "limit": 100,
        # True: counting goes on beyond the limit.
        "soft": False,
        "period_end": "2027-01-01T00:00:00+00:00",
    },
    "new_device": {
        "device": "Chrome on Windows",
        "location": "Berlin, Germany",
        "ip": "203.0.113.7",
        "at": "2026-12-05T14:05:00+00:00",
    },
    "escrow_waiting": {
        **PRICE,
        "payee": "bob@example.com",
        "what": "Three posts in December",
        "held_at": "2026-12-05T14:05:00+00:00",
        # None: only the payer's word releases it.
        "release_at": "2027-01-05T14:05:00+00:00",
    },
    "escrow_secured": {
        **PRICE,
        "payer": "alice@example.com",
        "what": "Three posts in December",
        # The platform's share of it; None: nothing.
        "fee": 190,
        "held_at": "2026-12-05T14:05:00+00:00",
        # None: only the payer's word releases it.
        "release_at": "2027-01-05T14:05:00+00:00",
    },
    "escrow_released": {
        # What the payee gets, the platform's share taken off.
        **PRICE,
        "payer": "alice@example.com",
        "what": "Three posts in December",
        "fee": 211,
        "at": "2026-12-12T14:05:00+00:00",
        # What is still held of it; None: nothing.
        "left": 2900,
    },
    "payout_paid": {
        **PRICE,
        "asked_at": "2026-12-01T14:05:00+00:00",
        "paid_at": "2026-12-05T14:05:00+00:00",
        "reference": "019b0c6e-6d0f-7c3e-9a55-0d5b8f0f2a11",
    },
    "payout_failed": {
        **PRICE,
        "asked_at": "2026-12-01T14:05:00+00:00",
        # What the bank or the payment provider said, as a sentence.
        "reason": "The bank account has been closed.",
        # True: the bank turned it back. False: it never got there.
        "at_bank": True,
        "reference": "019b0c6e-6d0f-7c3e-9a55-0d5b8f0f2a11",
    },
    "account_erased": {"email": "alice@example.com", "at": "2026-12-05T14:05:00+00:00"},
}
