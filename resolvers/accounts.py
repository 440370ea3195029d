"""Signing up, in and out."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import strawberry

from datasources import accounts
from datasources.sessions import LIFE, end_session, start_session
from domain.accounts import (
    PERMISSIONS,
    Role,
    check_display_name,
    check_password,
    check_username,
    is_storable,
    username_key,
)
from domain.errors import Conflict, NotSignedIn
from domain.passwords import hash_password, is_password, nobodys_hash
from resolvers.context import COOKIE, Context, Info

DEVICE_NAME_LIMIT = 100


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session that has just begun; `viewer` is the listener's own account row."""

    token: str
    expires_at: datetime
    viewer: Any


async def viewer(info: Info) -> Any | None:
    session = await info.context.session()
    return session and await info.context.load(accounts.account_by_id, session.user_id)


async def permissions(root: Any) -> list[str]:
    return sorted(permission.value for permission in PERMISSIONS[Role(root.role)])


async def register(info: Info, username: str, password: str, display_name: str | None = strawberry.UNSET) -> Any:
    """A new listener, FREE and USER, signed in."""
    shown = check_username(username)
    values = {
        "username": shown,
        "username_key": username_key(shown),
        "display_name": check_display_name(display_name if isinstance(display_name, str) else shown),
        "password_hash": await asyncio.to_thread(hash_password, check_password(password)),
        "tier": "FREE",
        "role": "USER",
    }
    user = await accounts.add_user(info.context.sources, **values)
    if user is None:
        raise Conflict(f"The username {shown!r} is taken; choose another one.")
    return await sign_in(info.context, user, None)


async def login(info: Info, username: str, password: str, device_name: str | None = strawberry.UNSET) -> Any:
    """A new session. A wrong name and a wrong password take the same time and say the same."""
    user = await accounts.user_named(info.context.sources, username_key(username)) if is_storable(username) else None
    matches = await asyncio.to_thread(matches_hash, password, user.password_hash if user else None)
    if user is None or not matches:
        raise NotSignedIn("The username or the password is wrong.")
    return await sign_in(info.context, user, device_name)


def matches_hash(password: str, hashed: str | None) -> bool:
    """Whether it is the password; as slow without a hash to compare it with."""
    return is_storable(password) and is_password(password, hashed or nobodys_hash())


async def sign_in(context: Context, user: Any, device_name: str | None) -> SignIn:
    """Begin a session, in this operation and in the browser's cookie."""
    named = " ".join((device_name or context.connection.headers.get("user-agent") or "Unknown device").split())
    storable = "".join(character if character.isprintable() else "\ufffd" for character in named[:DEVICE_NAME_LIMIT])
    token, session = await start_session(context.sources, user, storable)
    context.become(session)
    if context.response is not None:
        context.response.set_cookie(
            COOKIE,
            token,
            max_age=int(LIFE.total_seconds()),
            httponly=True,
            secure=context.public_url.startswith("https:"),
            samesite="lax",
        )
    return SignIn(token, datetime.now(UTC) + LIFE, await context.load(accounts.account_by_id, session.user_id))


async def logout(info: Info) -> bool:
    """End the session that asks. False when there was none."""
    context = info.context
    session = await context.session()
    if context.response is not None:
        context.response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    if session is None:
        return False
    await end_session(context.sources, session)
    context.become(None)
    return True
