from __future__ import annotations

from django.apps import apps

from privacy.inventory import INVENTORY
from sessions_live.models import User

# Who did something, not whose it is; staff do not erase themselves.
ACTORS = {"by", "ended_by", "actor"}
OURS = {"sessions_live", "billing", "apikeys", "privacy", "admin"}


def ours(label: str) -> bool:
    return label in OURS or apps.get_app_config(label).name.startswith("billing.")


def test_every_table_that_names_a_person_is_in_the_inventory():
    declared = {table.label for table in INVENTORY}
    naming = {
        model._meta.label
        for model in apps.get_models()
        if ours(model._meta.app_label)
        for column in model._meta.concrete_fields
        if column.related_model is User and column.name not in ACTORS
    }
    assert naming - declared == set(), "declare them in privacy/inventory.py"


def test_what_is_kept_is_kept_for_a_reason():
    assert [each.label for each in INVENTORY if bool(each.law) == each.goes] == []
