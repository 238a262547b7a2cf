"""Stripe's objects: one file per kind or per thing that happens to it."""

import importlib
import pkgutil


def load() -> None:
    """Import every file of this folder, which registers its operations."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
