"""Stripe's objects as dj-stripe keeps them: fed by webhooks, read by staff and reconciliation.

A copy to look at. Nothing here decides who may use what, and nothing here ever calls Stripe.
"""
