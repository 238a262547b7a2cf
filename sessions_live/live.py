"""News to a person's browsers, on commit: kept for a day for those who were away, and sent now.

Redis may be down or hang; who missed something is told to ask by HTTP.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from redis.client import Pipeline

from sessions_live.line import KEPT_SECONDS, NEWEST, NEXT_ID, Line, feed_key, wire
from sessions_live.rooms import STAFF, payments_room, rank_room, session_room, sessions_room

KEPT_EVENTS = 1_000
CREDENTIAL_ENDED, SESSION_REVOKED = 4401, 4409
# Why a session ended that nobody was active in; every other reason is somebody's doing.
EXPIRED = "expired"

# Only Redis knows the event's id, so the frame is closed here; it travels as text from now on.
PUSH = f"""{NEXT_ID}
local frame = '{{"event_id":' .. id .. ',' .. ARGV[2]
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], id .. '-0', 'frame', frame)
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', now - ARGV[4] * 1000000))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[1], 'deliver ' .. ARGV[5] .. ' ' .. id .. ' ' .. frame)
return id
"""

_line = Line()


def push(user_id: int, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002 - the wire's word
    """Sends on commit, outside of a transaction at once; never raises, never waits long."""
    _push(payments_room(user_id), type, data)


def push_to_staff(type: str, data: Mapping[str, Any]) -> None:  # noqa: A002 - the wire's word
    """As `push`, to everyone of the staff who looks."""
    _push(STAFF, type, data)


def say_created(user_id: int, session: Mapping[str, Any]) -> None:
    body = encode({"type": "session_created", "session": {**session, "is_current": False}})
    _on_commit(_say, user_id, [body])


def show_presence(user_id: int, sessions: Sequence[Mapping[str, Any]]) -> None:
    """At once and to the person's other sockets: who comes has just read the whole list."""
    room = sessions_room(user_id)

    def publish(line: Pipeline) -> None:
        for session in sessions:
            line.publish(wire(), showing("presence", user_id, session))

    _line.say(publish, rooms=[room])


def showing(kind: str, user_id: int, session: Mapping[str, Any]) -> str:
    """The wire's message. Its frame is left open at the end, as only a socket's process knows
    whether that is the receiver's own session."""
    body = encode({"type": "session_update", "session": session})[:-2]
    return f'{kind} {sessions_room(user_id)} {session["id"]} {body},"is_current":'


def end(user_id: int, session_ids: Sequence[UUID], *, reason: str) -> None:
    """Says that the sessions are over, and closes their sockets in every process, on commit."""
    if session_ids:
        _on_commit(_end, user_id, session_ids, reason)


def demote(user_id: int) -> None:
    """Closes the sockets that hear the staff's news, on commit; they may come back for less."""
    message = f"hangup {rank_room(user_id)} {CREDENTIAL_ENDED} demoted"
    _on_commit(_line.insist, lambda say: say.publish(wire(), message), rooms=())


def encode(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, cls=DjangoJSONEncoder, separators=(",", ":"))


def _on_commit(send: Any, *terms: Any, **named: Any) -> None:
    transaction.on_commit(functools.partial(send, *terms, **named), robust=True)


def _push(room: str, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002
    _on_commit(_send, room, encode({"type": type, "data": data})[1:])


def _send(room: str, body: str) -> None:
    terms = [wire(), body, KEPT_EVENTS, KEPT_SECONDS, room]
    _line.say(lambda line: line.eval(PUSH, 2, feed_key(room), NEWEST, *terms), rooms=[room])


def _say(user_id: int, bodies: Sequence[str]) -> None:
    room = sessions_room(user_id)

    def publish(line: Pipeline) -> None:
        for body in bodies:
            line.publish(wire(), f"say {room} {body}")

    _line.say(publish, rooms=[room])


def _end(user_id: int, session_ids: Sequence[UUID], reason: str) -> None:
    # Sockets look again by themselves every half minute, so a lost call is only later.
    room = sessions_room(user_id)
    expired = reason == EXPIRED
    word = "session_expired" if expired else "session_revoked"
    code = CREDENTIAL_ENDED if expired else SESSION_REVOKED

    def publish(line: Pipeline) -> None:
        for session_id in session_ids:
            farewell = encode({"type": word, "session_id": session_id})
            line.publish(wire(), f"say {room} {farewell}")
            line.publish(wire(), f"hangup {session_room(session_id)} {code} {reason}")

    _line.insist(publish, rooms=[room])
