"""What the real API was seen to send where its types leave it open.

A type says `Optional` both for "null" and for "left out"; recordings tell which it is.
"""

from typing import Any

# Optional in the type, and left out unless there is something to say.
LEFT_OUT: dict[str, set[str]] = {
    "account": {"company", "individual", "groups"},
    "customer": {
        "business_name", "cash_balance", "individual_name", "invoice_credit_balance", "sources",
        "subscriptions", "tax", "tax_ids",
    },
    "payment_intent": {
        "allowed_payment_method_types", "hooks", "managed_payments", "payment_details",
        "presentment_details",
    },
    "charge": {"authorization_code", "level3", "presentment_details", "refunds", "transfer"},
    "checkout.session": {
        "excluded_payment_method_types", "line_items", "managed_payments",
        "name_collection", "optional_items", "presentment_details", "redirect_on_completion",
        "return_url", "tax_id_collection",
    },
    "event": {"account", "context"},
    "invoice": {"amount_paid_off_stripe", "confirmation_secret", "payments", "threshold_reason"},
    "invoiceitem": {"frozen_fields", "net_amount", "proration_details"},
    "setup_intent": {"allowed_payment_method_types", "attach_to_self", "managed_payments"},
    "subscription": {"managed_payments", "presentment_details"},
    "subscription_item": {"billed_until"},
    "refund": {
        "customer", "description", "failure_balance_transaction",
        "failure_reason", "instructions_email", "next_action", "payment_method", "pending_reason",
        "presentment_details",
    },
    "line_item": {"subscription"},
    "webhook_endpoint": {"secret"},
}  # fmt: skip

# Left out wherever they appear.
NEVER = {"applies_to", "currency_options", "deleted", "tiers"}

# The value that a new object has, where it is not the first that the type lists.
FIRST_VALUES: dict[str, dict[str, Any]] = {
    "account": {"type": "standard"},
    "balance_transaction": {"status": "pending", "balance_type": "payments"},
    "charge": {"status": "succeeded", "fraud_details": {}, "radar_options": {}},
    "checkout.session": {
        "adaptive_pricing": {"enabled": False},
        "branding_settings": {
            "background_color": "#ffffff",
            "border_style": "rounded",
            "button_color": "#0074d4",
            "display_name": "Sandbox",
            "font_family": "default",
            "icon": None,
            "logo": None,
        },
        "collected_information": {
            "business_name": None, "individual_name": None, "shipping_details": None,
        },
        "custom_fields": [],
        "custom_text": {
            "after_submit": None, "shipping_address": None, "submit": None,
            "terms_of_service_acceptance": None,
        },
        "mode": "payment",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "status": "open",
        "ui_mode": "hosted_page",
    },
    "customer": {
        "balance": 0,
        "delinquent": False,
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None,
            "rendering_options": None,
        },
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    },
    "dispute": {"status": "needs_response"},
    "invoice": {
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "customer_tax_exempt": "none",
        "payment_settings": {
            "default_mandate": None, "payment_method_options": None, "payment_method_types": None,
        },
        "issuer": {"type": "self"},
        "starting_balance": 0,
        "status": "draft",
    },
    "invoice_payment": {"status": "open"},
    "payment_intent": {
        "amount_details": {"tip": {}},
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "payment_method_options": {
            "card": {
                "installments": None, "mandate_options": None, "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "status": "requires_payment_method",
    },
    "payment_method": {"allow_redisplay": "unspecified"},
    "price": {"billing_scheme": "per_unit", "tax_behavior": "unspecified"},
    "product": {"active": True, "type": "service"},
    "promotion_code": {"active": True},
    "refund": {"status": "succeeded"},
    "setup_intent": {
        "payment_method_options": {
            "card": {
                "mandate_options": None, "network": None, "request_three_d_secure": "automatic",
            }
        },
        "status": "requires_payment_method",
        "usage": "off_session",
    },
    "subscription": {
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "payment_settings": {
            "payment_method_options": None, "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "status": "active",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    },
    "subscription_schedule": {
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "default_settings": {
            "application_fee_percent": None, "automatic_tax": None,
            "billing_cycle_anchor": "automatic", "billing_thresholds": None,
            "collection_method": "charge_automatically", "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None, "custom_fields": None, "days_until_due": None,
                "description": None, "footer": None, "issuer": {"type": "self"},
            },
            "on_behalf_of": None, "transfer_data": None,
        },
        "end_behavior": "release",
        "status": "active",
    },
    "webhook_endpoint": {"status": "enabled"},
}  # fmt: skip
