"""One person with as many sign-ins as sockets are to come; prints a token of each."""

import json

import django

django.setup()

from rest_framework_simplejwt.tokens import AccessToken  # noqa: E402

from sessions_live.models import LiveSession, User  # noqa: E402

MOST = 2_000

person, _ = User.objects.get_or_create(email="crowd@example.com", defaults={"password": "!"})
found = [LiveSession(user=person, browser="Chrome", os="Windows") for _ in range(MOST)]
tokens = []
for session in LiveSession.objects.bulk_create(found):
    token = AccessToken()
    token["sub"], token["sid"] = str(person.pk), str(session.pk)
    tokens.append(str(token))
print(json.dumps(tokens))
