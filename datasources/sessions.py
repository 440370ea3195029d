"""Sessions in Valkey. A token is 32 random bytes, shown once; only its SHA-256 is stored.

sess:{sha256}         hash: user, role, tier, device, created, active    expires 30 days after its last use
user:{id}:sessions    set of the listener's sessions                     expires with the last of them
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from datasources.sources import Sources
from datasources.valkey import unavailable_when_down
from domain.accounts import Role, SubscriptionTier

LIFE = timedelta(days=30)
TOUCH_AFTER = timedelta(hours=1)
"""How stale `active` may grow before a use writes it again: a write an hour, not one a request."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, from where."""

    key: str
    user_id: UUID
    role: Role
    tier: SubscriptionTier
    device_name: str
    created_at: datetime
    last_active_at: datetime


async def start_session(sources: Sources, user: Any, device_name: str) -> tuple[str, Session]:
    """A new session of the listener in `user`, a row of theirs, and its token."""
    token = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    session = Session(session_key(token), user.id, Role(user.role), SubscriptionTier(user.tier), device_name, now, now)
    fields: dict[Any, Any] = {
        "user": str(user.id),
        "role": user.role,
        "tier": user.tier,
        "device": device_name,
        "created": now.isoformat(),
        "active": now.isoformat(),
    }
    with unavailable_when_down():
        async with sources.valkey.pipeline(transaction=True) as pipe:
            pipe.hset(session.key, mapping=fields)
            pipe.expire(session.key, LIFE)
            pipe.sadd(sessions_of(user.id), session.key)
            pipe.expire(sessions_of(user.id), LIFE)
            await pipe.execute()
    return token, session


async def find_session(sources: Sources, token: str) -> Session | None:
    """The session of a token, kept alive by this use; None when it ended or never was."""
    key = session_key(token)
    with unavailable_when_down():
        stored = await sources.valkey.hgetall(key)
    if not stored:
        return None
    fields = {str(name, "utf-8"): str(value, "utf-8") for name, value in cast(dict[bytes, bytes], stored).items()}
    session = Session(
        key=key,
        user_id=UUID(fields["user"]),
        role=Role(fields["role"]),
        tier=SubscriptionTier(fields["tier"]),
        device_name=fields["device"],
        created_at=datetime.fromisoformat(fields["created"]),
        last_active_at=datetime.fromisoformat(fields["active"]),
    )
    if datetime.now(UTC) - session.last_active_at > TOUCH_AFTER:
        await keep_alive(sources, session)
    return session


# One step, so that a session which is ended at the same moment stays ended.
KEEP_ALIVE = """
if redis.call('EXPIRE', KEYS[1], ARGV[1]) == 1 then
    redis.call('HSET', KEYS[1], 'active', ARGV[2])
    redis.call('EXPIRE', KEYS[2], ARGV[1])
end
"""


async def keep_alive(sources: Sources, session: Session) -> None:
    """Start the 30 days anew, unless the session was ended meanwhile."""
    keys = (session.key, sessions_of(session.user_id))
    with unavailable_when_down():
        await sources.valkey.eval(
            KEEP_ALIVE, len(keys), *keys, str(int(LIFE.total_seconds())), datetime.now(UTC).isoformat()
        )


async def end_session(sources: Sources, session: Session) -> None:
    with unavailable_when_down():
        async with sources.valkey.pipeline(transaction=True) as pipe:
            pipe.delete(session.key)
            pipe.srem(sessions_of(session.user_id), session.key)
            await pipe.execute()


def session_key(token: str) -> str:
    return f"sess:{hashlib.sha256(token.encode(errors='surrogatepass')).hexdigest()}"


def sessions_of(user_id: UUID) -> str:
    return f"user:{user_id}:sessions"
