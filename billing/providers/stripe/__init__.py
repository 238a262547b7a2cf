from billing.providers.stripe.provider import StripeProvider

__all__ = ["StripeProvider"]
