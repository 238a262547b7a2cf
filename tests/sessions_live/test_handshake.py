"""Who gets a socket: R27, and every credential that is none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from sessions_live import tokens
from sessions_live.models import User
from sessions_live.sessions import end_session, end_sessions_of
from tests.sessions_live.wire import ORIGIN, access_token, connected, cookie_of, in_thread, run

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = ("/ws/sessions", "/ws/payments")
FOREIGN_ORIGINS = (
    "null",
    "",
    "http://evil.example",
    "http://localhost:8001",
    "https://localhost:8000",
    "http://localhost:8000.evil.example",
    "http://localhost",
    "http://localhost:8000/",
)
OPEN = 0


async def answer_to(**credentials: str | None) -> int:
    """The code it is closed with, or that it is open."""
    async with connected(**credentials) as wire:  # type: ignore[arg-type]
        for _ in range(16):
            await wire.tell({"type": "unheard of"})
        said, code = await wire.last_words()
        # Whoever is in hears what was wrong with their words before it is too much.
        return OPEN if said and code == 4429 else code


def expected(origin: str | None, credential: str) -> int:
    if origin in FOREIGN_ORIGINS:
        return 4403
    if credential == "none":
        return 4401
    # A browser always names its origin, and only browsers have cookies.
    return 4403 if origin is None and credential == "cookie" else OPEN


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("credential", ["cookie", "token", "none"])
def test_each_origin_with_each_credential(alice, credential, path):
    """R27: eight foreign ones, the absent one and ours, in either case of its letters."""

    async def story():
        answers = {each: await answer_to(origin=each, path=path, **shown) for each in origins}
        assert answers == {each: expected(each, credential) for each in origins}

    origins = (*FOREIGN_ORIGINS, None, ORIGIN, ORIGIN.upper())
    shown = credentials_of(alice, credential)
    run(story)


def credentials_of(user: User, kind: str) -> dict[str, str]:
    if kind == "none":
        return {}
    return {"cookie": cookie_of(user)} if kind == "cookie" else {"token": access_token(user)}


@pytest.mark.parametrize("path", PATHS)
def test_no_bad_or_ended_credentials_are_closed_with_4401(alice, path):
    async def story():
        query = f"{path}?token={good}&access_token={good}"
        assert await answer_to(path=query) == 4401
        for bad in ("x.y.z", refresh, ended, str(stale), "bearer"):
            assert await answer_to(token=bad, path=path) == 4401
        unknown = "sessionid=" + "a" * 32
        assert await answer_to(cookie=unknown, origin=ORIGIN, path=path) == 4401
        assert await answer_to(token=good, path=path) == OPEN

    good, refresh = access_token(alice), str(RefreshToken())
    stale = AccessToken(good)  # type: ignore[arg-type]
    stale.set_exp(lifetime=-timedelta(seconds=1))
    pair = tokens.sign_in(alice, ip=None, user_agent="")
    end_session(pair.session_id, reason="signed_out")
    ended = pair.access
    run(story)


def test_a_credential_is_good_until_its_session_ends_and_never_after(alice):
    """What a ticket's second use is elsewhere: who took it along gets nothing for it."""

    async def story():
        assert await answer_to(token=pair.access) == OPEN
        assert await answer_to(cookie=cookie, origin=ORIGIN) == OPEN
        await in_thread(end_sessions_of, alice, reason="revoked")
        assert await answer_to(token=pair.access) == 4401
        assert await answer_to(cookie=cookie, origin=ORIGIN) == 4401

    pair, cookie = tokens.sign_in(alice, ip=None, user_agent=""), cookie_of(alice)
    run(story)
