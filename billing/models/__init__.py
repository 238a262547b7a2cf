from billing.models.catalogue import Interval, Item, Plan, Price, ProviderPrice
from billing.models.conversations import Conversation
from billing.models.entitlements import Entitlement, EntitlementOverride
from billing.models.history import ChangeQuote, SubscriptionEvent
from billing.models.invoices import Invoice, NumberSeries
from billing.models.orders import Customer, Order
from billing.models.payments import Payment, PaymentAttempt, PaymentEvent
from billing.models.purchases import Purchase
from billing.models.subscriptions import Subscription

__all__ = [
    "ChangeQuote",
    "Conversation",
    "Customer",
    "Entitlement",
    "EntitlementOverride",
    "Interval",
    "Invoice",
    "Item",
    "NumberSeries",
    "Order",
    "Payment",
    "PaymentAttempt",
    "PaymentEvent",
    "Plan",
    "Price",
    "ProviderPrice",
    "Purchase",
    "Subscription",
    "SubscriptionEvent",
]
