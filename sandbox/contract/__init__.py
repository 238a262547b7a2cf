"""Stripe's wire contract, rebuilt from the types that stripe-python ships as strict validators."""
