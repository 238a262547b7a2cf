"""Taking the person out of a provider's objects: what is left tells what was paid, and when."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

# By field, at any depth, in Stripe's events and objects.
PERSONAL = frozenset(
    """
    account_holder_name address bank_account billing_address billing_details cancel_url card
    cardholder client_secret collected_information custom_fields customer_account_details
    customer_address customer_details customer_email customer_email_address customer_name
    customer_phone customer_purchase_ip customer_shipping customer_signature customer_tax_ids
    description email evidence fingerprint footer hosted_invoice_url individual individual_name
    invoice_pdf ip_address last4 last_payment_error name next_action payment_method_details
    payment_method_preview personal phone receipt_email receipt_url return_url routing_number
    service_documentation shipping shipping_address shipping_details statement_descriptor_suffix
    success_url tax_ids tos_acceptance us_bank_account verified_outputs
    """.split()  # noqa: SIM905
)


def without_person(thing: Any, words: Collection[str] = ()) -> Any:
    """A copy with null in the place of what is personal, and of any text with one of these words
    in it."""
    if isinstance(thing, dict):
        return {
            name: None if name in PERSONAL else without_person(value, words)
            for name, value in thing.items()
        }
    if isinstance(thing, list):
        return [without_person(each, words) for each in thing]
    if isinstance(thing, str) and any(word in thing.lower() for word in words):
        return None
    return thing
