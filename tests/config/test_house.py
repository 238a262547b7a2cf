import os

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model


@pytest.mark.django_db
def test_each_process_has_a_migrated_database_of_its_own():
    assert settings.DATABASES["default"]["NAME"].startswith("test_slot")
    assert settings.DATABASES["default"]["NAME"] in os.environ["DATABASE_URL"]
    assert get_user_model().objects.count() == 0
