import pytest
from django.contrib.auth.models import Group, Permission

from sessions_live.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("time", ["first", "second"])
def test_what_a_test_commits_is_gone_for_the_next(time: str):
    assert not User.objects.exists()
    assert not Group.objects.filter(name="Testers").exists()
    assert Permission.objects.filter(codename="view_user").exists()
    User.objects.create_user("alice@example.com")
    Group.objects.create(name="Testers").permissions.add(Permission.objects.all()[0])
    Permission.objects.filter(codename="view_user").delete()
