from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from corsheaders.defaults import default_headers
from django.templatetags.static import static

from config.env import read_environment
from config.mail_url import mail_settings

# Lets Django's generic classes name their model in annotations at run time too.
django_stubs_ext.monkeypatch()

env = read_environment()

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.secret_key
DEBUG = env.debug
ALLOWED_HOSTS = list(env.allowed_hosts)

INSTALLED_APPS = [
    # Only `runserver` needs it, and it costs every process memory and a quarter of a second.
    *(["daphne"] if env.debug else []),
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "djstripe",
    "pgtrigger",
    "sessions_live",
    "billing",
    "billing.webhooks",
    "billing.usage",
    "billing.mails",
    "billing.wallet",
    "billing.operations",
    "billing.provisioning",
    "billing.reconciliation",
    # After djstripe, whose admins it replaces.
    "billing.providers.mirror",
    "apikeys",
    "privacy",
]

MIDDLEWARE = [
    "config.kit.request_id.RequestIDMiddleware",
    "config.operations.OperationsMiddleware",
    "billing.providers.patience.PatienceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.security.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.refusals.LengthMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sessions_live.middleware.LiveSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "billing.branding.branding",
            ],
        },
    },
]

# --- data ---------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(env.database_url)}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    # After three seconds a lost connection is given up and the next request tries at once; the
    # default waits longer and longer, and stays away as long again as the database was down.
    pool={"min_size": 1, "max_size": env.database_pool_size, "timeout": 5, "reconnect_timeout": 3},
    connect_timeout=5,
    # What is asked again and again is planned once per connection.
    server_side_binding=True,
    prepare_threshold=5,
    options="-c lock_timeout=10s -c statement_timeout=30s"
    " -c idle_in_transaction_session_timeout=60s",
)
# dj-stripe's own three migrations take over a minute on an empty database; this one makes the same
# tables in seconds, and `replaces` keeps both interchangeable.
MIGRATION_MODULES = {"djstripe": "config.djstripe_migrations"}

REDIS_URL = env.redis_url
# A hung Redis must never hold a request or a payment: one second, then go on without it.
REDIS_TIMEOUTS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": REDIS_TIMEOUTS,
    }
}
CHANNEL_LAYERS = {
    "default": {
        # Never the core layer: it drops every socket when Redis restarts and loses messages.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, **REDIS_TIMEOUTS}], "prefix": "live"},
    }
}

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "sessions_live.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "USER_ID_CLAIM": "sub",
}
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# --- HTTP ---------------------------------------------------------------------------------------
FRONTEND_URLS = list(env.frontend_urls)
SITE_URL = env.site_url
CORS_ALLOWED_ORIGINS = FRONTEND_URLS
CORS_URLS_REGEX = r"^/api/.*$"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["Content-Disposition", "Link", "Retry-After", "X-Request-ID"]
CSRF_TRUSTED_ORIGINS = FRONTEND_URLS
TRUSTED_PROXIES = env.trusted_proxies
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.https
SECURE_SSL_REDIRECT = env.https
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if env.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.trusted_proxies else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = env.debug or not STATIC_ROOT.exists()
WHITENOISE_AUTOREFRESH = env.debug

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apikeys.authentication.KeyAuthentication",
        "sessions_live.authentication.BearerAuthentication",
        "sessions_live.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["apikeys.throttle.KeyThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["config.kit.json_renderer.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.kit.json_parser.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.kit.api.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "config.kit.error_handler.ErrorHandler",
    "ENABLE_IN_DEBUG_FOR_UNHANDLED_EXCEPTIONS": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Billing platform",
    "DESCRIPTION": "Plans, checkout, subscriptions, payments and entitlements.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # Public, also for who shows a credential that opens less than this.
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["config.kit.schema.without_trailing_slashes"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        f"{kind}ErrorEnum": f"drf_standardized_errors.openapi_serializers.{kind}ErrorEnum.choices"
        for kind in ("Validation", "Client", "Server")
    }
    | {
        "APIKeyStatusEnum": "apikeys.models.APIKey.Status",
        "OrderStatusEnum": ["pending", "completed", "failed"],
        "PaymentStatusEnum": "billing.models.Payment.Status",
        "IntervalEnum": "billing.models.Interval",
        "ReconciliationStatusEnum": ["waiting", "running", "finished", "given_up"],
        "DifferenceStatusEnum": "billing.reconciliation.models.Difference.Status",
    },
    "POSTPROCESSING_HOOKS": ["drf_standardized_errors.openapi_hooks.postprocess_schema_enums"],
}

# --- console ------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Billing console",
    "SITE_HEADER": "Billing console",
    "SITE_SUBHEADER": "billing.console.subheader",
    "SITE_SYMBOL": "payments",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("mark.svg")}
    ],
    "ENVIRONMENT": "billing.console.environment",
    "SHOW_BACK_BUTTON": True,
    "STYLES": [lambda request: static("console.css")],
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "billing.console.sidebar",
    },
    "COLORS": {
        # Tailwind's blue, as the customer pages have it.
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bedbff",
            "300": "#8ec5ff",
            "400": "#51a2ff",
            "500": "#2b7fff",
            "600": "#155dfc",
            "700": "#1447e6",
            "800": "#193cb8",
            "900": "#1c398e",
            "950": "#162456",
        },
    },
}

# --- providers ----------------------------------------------------------------------------------
STRIPE_LIVE_MODE = env.livemode
STRIPE_SECRET_KEY = env.stripe_secret_key
STRIPE_PUBLISHABLE_KEY = env.stripe_publishable_key
STRIPE_WEBHOOK_SECRETS = list(env.stripe_webhook_secret)
STRIPE_API_BASE = env.stripe_api_base
STRIPE_ACCOUNT = env.stripe_account
# What dj-stripe 2.11 and the pinned stripe package are made for; set explicitly, so that a newer
# package never changes the shape of what we read.
STRIPE_API_VERSION = "2026-05-27.dahlia"
STRIPE_TEST_SECRET_KEY = "" if env.livemode else env.stripe_secret_key
STRIPE_LIVE_SECRET_KEY = env.stripe_secret_key if env.livemode else ""
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_USE_NATIVE_JSONFIELD = True
# Off: dj-stripe would follow this metadata to write to customers at Stripe.
DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY = ""
CATALOG = env.catalog
SELLER_NAME = env.seller_name
SELLER_ADDRESS = env.seller_address
SELLER_TAX_ID = env.seller_tax_id
PLATFORM_FEE_BPS = env.platform_fee_bps
ESCROW_REMIND_DAYS = env.escrow_remind_days
ESCROW_RELEASE_DAYS = env.escrow_release_days
RECONCILE_CALLS_PER_SECOND = env.reconcile_calls_per_second

# --- who is told of access ----------------------------------------------------------------------
PROVISIONING_WEBHOOK_URL = env.provisioning_webhook_url
PROVISIONING_WEBHOOK_SECRETS = list(env.provisioning_webhook_secret)
PROVISIONING_ALLOW_LOOPBACK = env.provisioning_allow_loopback

# --- work -------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {**REDIS_TIMEOUTS, "visibility_timeout": 600}
CELERY_REDIS_SOCKET_TIMEOUT = REDIS_TIMEOUTS["socket_timeout"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "expire-sessions": {
        "task": "sessions_live.tasks.expire_sessions",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sweep": {"task": "billing.tasks.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "collect-fees": {
        "task": "billing.tasks.collect_fees",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "reconcile-recent": {
        "task": "billing.reconciliation.tasks.reconcile_recent",
        "schedule": crontab(minute="23"),
        "options": {"expires": 1800},
    },
    "reconcile-all": {
        "task": "billing.reconciliation.tasks.reconcile_all",
        "schedule": crontab(hour="2", minute="41"),
        "options": {"expires": 3600},
    },
    "take-up-reconciliations": {
        "task": "billing.reconciliation.tasks.take_up",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "verify-ledger": {
        "task": "billing.tasks.verify_ledger",
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 3600},
    },
    # A copy for staff to look at may lag a little; the effects of events never wait for it.
    "feed-mirror": {
        "task": "billing.webhooks.tasks.feed_mirror",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
}

# Anymail's or Django's settings, as EMAIL_URL says.
globals().update(mail_settings(env.email_url))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.default_from_email

REGISTRATIONS_PER_MINUTE = env.registrations_per_minute
SIGN_INS_PER_MINUTE = env.sign_ins_per_minute
# Of each process that serves sockets.
SOCKETS_PER_PERSON = env.sockets_per_person
SOCKETS_PER_ADDRESS = env.sockets_per_address
GEOIP_PATH = env.geoip_path
METRICS_TOKEN = env.metrics_token
LEAK_REPORT_KEYS = env.leak_report_keys

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

LOGGING_CONFIG = None
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "config.kit.logs.RequestIDFilter"}},
    "formatters": {"json": {"()": "config.kit.logs.JSONFormatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.log_level},
    "loggers": {
        "django.server": {"level": "INFO", "propagate": True, "handlers": []},
        "stripe": {"level": "WARNING"},
        # Its own handler writes the whole address of each socket, with what its query holds.
        "uvicorn": {"level": "INFO", "propagate": True, "handlers": []},
        "uvicorn.access": {"level": "WARNING", "propagate": True, "handlers": []},
    },
}
import logging.config  # noqa: E402

logging.config.dictConfig(LOGGING)

if env.sentry_dsn:
    import sentry_sdk

    sentry_sdk.init(dsn=env.sentry_dsn, send_default_pii=False, include_local_variables=False)
