"""A stand-in for Stripe on one's own machine. Its own process; the product never imports it."""

# The version that dj-stripe 2.11 is made for; the shapes are those of the installed stripe-python,
# which pins another month of the same release family.
API_VERSION = "2026-05-27.dahlia"
API_FAMILY = "dahlia"
