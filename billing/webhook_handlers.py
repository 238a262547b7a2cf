"""Facts go to the rules: one line each."""

from __future__ import annotations

from billing import (
    arrears,
    checkout,
    customers,
    escrow_news,
    escrow_payments,
    hosted_page,
    invoicing,
    money_back,
    own_bank,
    payments,
    plans,
    purchase_calls,
    purchase_news,
    subscriptions,
    trials,
)
from billing.providers import facts, money_back_facts, own_bank_facts, payout_facts
from billing.wallet import payout_accounts, payout_steps, payouts
from billing.webhooks.registry import handles


@handles(facts.CustomerMade)
def customer_made(fact: facts.CustomerMade) -> None:
    customers.know_customer(fact)


@handles(facts.CheckoutOpened)
def checkout_opened(fact: facts.CheckoutOpened) -> None:
    hosted_page.know_page(fact)


@handles(facts.PurchaseOpened)
def purchase_opened(fact: facts.PurchaseOpened) -> None:
    purchase_calls.know_purchase(fact)


@handles(facts.CheckoutPaid)
def checkout_paid(fact: facts.CheckoutPaid) -> None:
    if fact.escrow_id:
        escrow_news.page_paid(fact)
    else:
        (purchase_news.complete_page if fact.purchase_id else checkout.complete_checkout)(fact)


@handles(facts.CheckoutFailed)
def checkout_failed(fact: facts.CheckoutFailed) -> None:
    if fact.escrow_id:
        escrow_news.page_closed(fact)
    else:
        (purchase_news.fail_page if fact.purchase_id else checkout.fail_checkout)(fact)


@handles(
    facts.PaymentSucceeded,
    facts.PaymentProcessing,
    facts.PaymentFailed,
    facts.PaymentCanceled,
)
def payment_told(fact: facts.PaymentFact) -> None:
    arrears.after_payment(payments.record_payment(fact))


@handles(money_back_facts.RefundChanged)
def refund_changed(fact: money_back_facts.RefundChanged) -> None:
    money_back.follow_refund(fact)


@handles(money_back_facts.DisputeChanged)
def dispute_changed(fact: money_back_facts.DisputeChanged) -> None:
    money_back.follow_dispute(fact)


@handles(facts.PaymentBelongsToInvoice)
def payment_belongs_to_invoice(fact: facts.PaymentBelongsToInvoice) -> None:
    payments.link_invoice(fact)


@handles(facts.InvoiceChanged)
def invoice_changed(fact: facts.InvoiceChanged) -> None:
    arrears.after_invoice(invoicing.follow(fact))


@handles(facts.SubscriptionChanged)
def subscription_changed(fact: facts.SubscriptionChanged) -> None:
    arrears.after_subscription(subscriptions.follow(fact))


@handles(facts.TrialEnding)
def trial_ending(fact: facts.TrialEnding) -> None:
    trials.end_is_near(fact)


@handles(facts.EscrowOpened)
def escrow_opened(fact: facts.EscrowOpened) -> None:
    escrow_payments.opened(fact)


@handles(facts.EscrowPageOpened)
def escrow_page_opened(fact: facts.EscrowPageOpened) -> None:
    escrow_payments.page_opened(fact)


@handles(payout_facts.PayoutAccountChanged)
def payout_account_changed(fact: payout_facts.PayoutAccountChanged) -> None:
    payout_accounts.follow(fact)


@handles(payout_facts.PayoutFunded)
def payout_funded(fact: payout_facts.PayoutFunded) -> None:
    payout_steps.funded(fact)


@handles(payout_facts.PayoutTakenBack)
def payout_taken_back(fact: payout_facts.PayoutTakenBack) -> None:
    payout_steps.taken_back(fact)


@handles(payout_facts.PayoutChanged)
def payout_changed(fact: payout_facts.PayoutChanged) -> None:
    payouts.follow(fact)


@handles(own_bank_facts.BankPayoutChanged)
def bank_payout_changed(fact: own_bank_facts.BankPayoutChanged) -> None:
    own_bank.follow_payout(fact)


@handles(own_bank_facts.TopUpChanged)
def top_up_changed(fact: own_bank_facts.TopUpChanged) -> None:
    own_bank.follow_top_up(fact)


@handles(facts.CatalogChanged)
def catalog_changed(fact: facts.CatalogChanged) -> None:
    plans.follow_catalog(fact)
