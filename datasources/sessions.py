"""Sessions in Valkey. A token is 32 random bytes, shown once; only its SHA-256 is stored.

    sess:{sha256}         hash: id, user, role, tier, device, created, active    expires 30 days after its last use
    user:{id}:sessions    set of the listener's session keys                     expires with the last of them
    sessions              channel: keys of sessions that changed or ended

A process keeps a copy of a session for at most five seconds, and drops it when the channel names it.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from redis.asyncio import Redis

from datasources.metrics import CACHE_HITS
from datasources.session_news import SessionNews
from datasources.valkey import unavailable_when_down
from domain.accounts import Role, SubscriptionTier
from domain.errors import Unavailable
from domain.ids import new_id

LIFE = timedelta(days=30)
TOUCH_AFTER = timedelta(minutes=5)
"""How stale `active` may grow before a use writes it again: not a write with every request."""
COPY_LIFE = 5.0
RIGHTS_LIMIT_MS = 1_500
"""Less than the client waits for an answer."""
COPIES_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, from where."""

    key: str
    id: UUID
    user_id: UUID
    role: Role
    tier: SubscriptionTier
    device_name: str
    created_at: datetime
    last_active_at: datetime


# Each is one step, so that a session which is ended at the same moment stays ended.
KEEP_ALIVE = """
if redis.call('EXPIRE', KEYS[1], ARGV[1]) == 1 then
    redis.call('HSET', KEYS[1], 'active', ARGV[2])
    redis.call('EXPIRE', KEYS[2], ARGV[1])
end
"""
# It takes effect before its deadline or not at all: a server that hung must not run late what was given up.
CHANGE_RIGHTS = """
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[4]) then
    return 0
end
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    if redis.call('EXISTS', key) == 1 then
        redis.call('HSET', key, 'role', ARGV[1], 'tier', ARGV[2])
        redis.call('PUBLISH', ARGV[3], key)
    end
end
return 1
"""
# Ends those of the given sessions, or all when none are given, that are the listener's; how many there were.
END = """
local keys, ended = {unpack(ARGV, 2)}, 0
if #keys == 0 then
    keys = redis.call('SMEMBERS', KEYS[1])
end
for _, key in ipairs(keys) do
    if redis.call('SREM', KEYS[1], key) == 1 then
        ended = ended + redis.call('DEL', key)
        redis.call('PUBLISH', ARGV[1], key)
    end
end
return ended
"""


class Sessions:
    """Starts, finds and ends sessions; keeps copies of those in use."""

    def __init__(self, valkey: Redis, news: SessionNews) -> None:
        self._valkey = valkey
        self._news = news
        self._copies: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        self._dropped = 0
        self._keep_alive = valkey.register_script(KEEP_ALIVE)
        self._change_rights = valkey.register_script(CHANGE_RIGHTS)
        self._end = valkey.register_script(END)
        news.subscribe(self._drop)

    async def start(self, user: Any, device_name: str) -> tuple[str, Session]:
        """A new session of the listener in `user`, a row of theirs, and its token."""
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        role, tier = Role(user.role), SubscriptionTier(user.tier)
        session = Session(session_key(token), new_id(), user.id, role, tier, device_name, now, now)
        with unavailable_when_down():
            async with self._valkey.pipeline(transaction=True) as pipe:
                pipe.hset(session.key, mapping=cast(dict[Any, Any], fields_of(session)))
                pipe.expire(session.key, LIFE)
                pipe.sadd(sessions_of(user.id), session.key)
                pipe.expire(sessions_of(user.id), LIFE)
                await pipe.execute()
        return token, session

    async def find(self, token: str) -> Session | None:
        """The session of a token, kept alive by this use; None when it ended or never was.

        Answers from a copy while the channel is heard; while it is not, only when Valkey does not answer either.
        Raises Unavailable when there is no copy to answer from.
        """
        key = session_key(token)
        copy = self._copy(key)
        CACHE_HITS.labels("session", "hit" if copy and self._news.heard else "miss").inc()
        if copy and self._news.heard:
            return copy
        dropped = self._dropped
        try:
            session = await self._read(key)
        except Unavailable:
            if copy:
                return copy
            raise
        # What changed while it was read may be in the answer or not. Such a session is good for this request only.
        if session and dropped == self._dropped:
            self._copies[key] = (session, time.monotonic() + COPY_LIFE)
            if len(self._copies) > COPIES_KEPT:
                self._copies.popitem(last=False)
        else:
            self._copies.pop(key, None)
        return session

    async def ping(self) -> None:
        """See that the store answers. Raises Unavailable."""
        with unavailable_when_down():
            await self._valkey.ping()

    async def is_alive(self, key: str) -> bool:
        """Whether the session is there, asked of the store itself. Raises Unavailable."""
        with unavailable_when_down():
            return bool(await self._valkey.exists(key))

    async def of_user(self, user_id: UUID) -> list[Session]:
        """The listener's living sessions, the one used last first. Forgets those that have expired."""
        with unavailable_when_down():
            keys = [str(key, "utf-8") for key in cast(set[bytes], await self._valkey.smembers(sessions_of(user_id)))]
            async with self._valkey.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hgetall(key)
                stored = await pipe.execute()
            if expired := [key for key, fields in zip(keys, stored, strict=True) if not fields]:
                await self._valkey.srem(sessions_of(user_id), *expired)
        found = [session_from(key, fields) for key, fields in zip(keys, stored, strict=True) if fields]
        return sorted(found, key=lambda session: session.last_active_at, reverse=True)

    async def end(self, user_id: UUID, sessions: Sequence[Session] | None = None) -> int:
        """End these of the listener's sessions, or all of them; how many ended."""
        chosen = [session.key for session in sessions or ()]
        if sessions is not None and not chosen:
            return 0
        with unavailable_when_down():
            return int(await self._end(keys=[sessions_of(user_id)], args=[self._news.channel, *chosen]))

    async def change_rights(self, user_id: UUID, role: Role, tier: SubscriptionTier) -> None:
        """Give all of the listener's sessions a role and a tier. Raises Unavailable."""
        with unavailable_when_down():
            seconds, microseconds = await self._valkey.time()
            deadline = seconds * 1000 + microseconds // 1000 + RIGHTS_LIMIT_MS
            arguments = [role.value, tier.value, self._news.channel, deadline]
            done = await self._change_rights(keys=[sessions_of(user_id)], args=arguments)
        if not done:
            raise Unavailable("The session store answered too late; try again.", retry_after=1)

    async def _read(self, key: str) -> Session | None:
        with unavailable_when_down():
            fields = cast(dict[bytes, bytes], await self._valkey.hgetall(key))
            if not fields:
                return None
            session = session_from(key, fields)
            now = datetime.now(UTC)
            if now - session.last_active_at > TOUCH_AFTER:
                await self._keep_alive(
                    keys=[key, sessions_of(session.user_id)], args=[int(LIFE.total_seconds()), now.isoformat()]
                )
        return session

    def _copy(self, key: str) -> Session | None:
        session, until = self._copies.get(key, (None, 0.0))
        return session if until > time.monotonic() else None

    def _drop(self, key: str | None) -> None:
        """Forget a session, or all of them when messages may have been missed."""
        self._dropped += 1
        if key is None:
            self._copies.clear()
        else:
            self._copies.pop(key, None)


def fields_of(session: Session) -> dict[str, str]:
    return {
        "id": str(session.id),
        "user": str(session.user_id),
        "role": session.role.value,
        "tier": session.tier.value,
        "device": session.device_name,
        "created": session.created_at.isoformat(),
        "active": session.last_active_at.isoformat(),
    }


def session_from(key: str, stored: dict[bytes, bytes]) -> Session:
    fields = {str(name, "utf-8"): str(value, "utf-8") for name, value in stored.items()}
    return Session(
        key=key,
        id=UUID(fields["id"]),
        user_id=UUID(fields["user"]),
        role=Role(fields["role"]),
        tier=SubscriptionTier(fields["tier"]),
        device_name=fields["device"],
        created_at=datetime.fromisoformat(fields["created"]),
        last_active_at=datetime.fromisoformat(fields["active"]),
    )


def session_key(token: str) -> str:
    return f"sess:{hashlib.sha256(token.encode(errors='surrogatepass')).hexdigest()}"


def sessions_of(user_id: UUID) -> str:
    return f"user:{user_id}:sessions"
