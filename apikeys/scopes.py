"""What a key may be allowed to do. The doors name their scope themselves (config/kit/scopes.py)."""

from __future__ import annotations

SCOPES = {
    "billing:read": "Read the profile, plan, subscription, payments, orders and conversations",
    "billing:write": "Open checkouts and change the subscription",
    "conversations:write": "Begin conversations and make payment links for them",
    "usage:read": "Read usage and quotas",
    "usage:write": "Count usage",
    "keys:write": "List keys; make, rotate and revoke those that can do no more than itself",
}
# What an application needs. The rest is asked for by name.
USUAL = ("billing:read", "conversations:write", "usage:read", "usage:write")
