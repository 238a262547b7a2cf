"""Settings with which dj-stripe's tables are made by its own migrations."""

from config.settings import *  # noqa: F403

MIGRATION_MODULES = {}
