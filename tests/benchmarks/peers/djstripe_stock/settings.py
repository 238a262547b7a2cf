"""dj-stripe as its own documentation sets it up, and nothing else: the leanest Django around it."""

import os

import dj_database_url
import stripe

SECRET_KEY = "only-for-benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "tests.benchmarks.peers.djstripe_stock.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": int(os.environ["POOL"])}}
# The same tables as dj-stripe's own migrations make, in seconds.
MIGRATION_MODULES = {"djstripe": "config.djstripe_migrations"}

STRIPE_LIVE_MODE = False
STRIPE_TEST_SECRET_KEY = os.environ["STRIPE_SECRET_KEY"]
STRIPE_LIVE_SECRET_KEY = ""
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
stripe.api_base = os.environ["STRIPE_API_BASE"]
