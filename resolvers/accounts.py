"""Signing up, in and out; the sessions of a listener; their rights."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import strawberry
from strawberry import ID

from datasources import accounts, catalog
from datasources.sessions import LIFE
from domain.accounts import (
    PASSWORD_LENGTH,
    PERMISSIONS,
    USERNAME_LENGTH,
    Role,
    SubscriptionTier,
    check_display_name,
    check_password,
    check_username,
    is_storable,
    role_for_tier,
    username_key,
)
from domain.errors import Conflict, NotFound, NotSignedIn
from domain.ids import parse_id
from resolvers.context import COOKIE, Context, Info

DEVICE_NAME_LIMIT = 100
COOKIE_LIFE = 400 * 24 * 3600
"""Seconds: the longest that browsers keep a cookie (RFC 6265bis). The store says how long the session lives."""


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


async def sessions(root: Any, info: Info) -> list[Any]:
    return list(await info.context.sources.sessions.of_user(root.id))


async def is_current(root: Any, info: Info) -> bool:
    current = await info.context.session()
    return current is not None and current.key == root.key


async def register(info: Info, username: str, password: str, display_name: str | None = strawberry.UNSET) -> Any:
    """A new listener, FREE and USER, signed in."""
    shown = check_username(username)
    passwords = info.context.sources.passwords
    values = {
        "username": shown,
        "username_key": username_key(shown),
        "display_name": check_display_name(display_name if isinstance(display_name, str) else shown),
        "password_hash": await asyncio.to_thread(passwords.hash, check_password(password)),
        "tier": SubscriptionTier.FREE.value,
        "role": Role.USER.value,
    }
    user = await accounts.add_user(info.context.sources, **values)
    if user is None:
        raise Conflict(f"The username {shown!r} is taken; choose another one.")
    return await sign_in(info.context, user, None)


async def login(info: Info, username: str, password: str, device_name: str | None = strawberry.UNSET) -> Any:
    """A new session. A wrong name and a wrong password take the same time and say the same."""
    sources = info.context.sources
    # Nobody's name or password is longer, and nobody's time is spent on more of it.
    username, password = username[: 4 * USERNAME_LENGTH[-1]], password[: PASSWORD_LENGTH[-1] + 1]
    user = await accounts.user_named(sources, username_key(username)) if is_storable(username) else None
    hashed = user.password_hash if user else None
    if not await asyncio.to_thread(sources.passwords.matches, password, hashed) or user is None:
        raise NotSignedIn("The username or the password is wrong.")
    if sources.passwords.is_outdated(user.password_hash):
        stronger = await asyncio.to_thread(sources.passwords.hash, password)
        await accounts.replace_password_hash(sources, user.id, user.password_hash, stronger)
    return await sign_in(info.context, user, device_name)


async def sign_in(context: Context, user: Any, device_name: str | None) -> SignIn:
    """Begin a session, in this operation and in the browser's cookie."""
    sources = context.sources
    token, session = await sources.sessions.start(user, shown_device(context, device_name))
    account = await accounts.settled_account(sources, user.id)
    if account and (account.role, account.tier) != (user.role, user.tier):
        # The rights changed after the row was read, and the change may have missed the new session.
        await accounts.share_rights(sources, user.id)
    context.become(session)
    if context.response is not None:
        context.response.set_cookie(
            COOKIE,
            token,
            max_age=COOKIE_LIFE,
            httponly=True,
            secure=context.public_url.startswith("https:"),
            samesite="lax",
        )
    return SignIn(token, datetime.now(UTC) + LIFE, account)


def shown_device(context: Context, device_name: str | None) -> str:
    """What the listener will know the device by."""
    named = " ".join((device_name or context.connection.headers.get("user-agent") or "Unknown device").split())
    return "".join(each if each.isprintable() else "\ufffd" for each in named[:DEVICE_NAME_LIMIT])


async def logout(info: Info) -> bool:
    """End the session that asks. False when there was none."""
    session = await info.context.session()
    forget_cookie(info.context)
    if session is None:
        return False
    await info.context.sources.sessions.end(session.user_id, [session])
    return True


async def revoke_session(info: Info, id: ID) -> bool:
    """End one of the listener's sessions. Raises NotFound for anybody else's."""
    current = await info.context.signed_in()
    wanted = parse_id(id)
    theirs = await info.context.sources.sessions.of_user(current.user_id)
    chosen = [session for session in theirs if session.id == wanted]
    if not chosen:
        raise NotFound(f"You have no session with the id {id}; `viewer {{ sessions {{ id }} }}` lists yours.")
    await info.context.sources.sessions.end(current.user_id, chosen)
    if chosen[0].key == current.key:
        forget_cookie(info.context)
    return True


async def revoke_all_sessions(info: Info) -> int:
    session = await info.context.signed_in()
    ended = await info.context.sources.sessions.end(session.user_id)
    forget_cookie(info.context)
    return ended


def forget_cookie(context: Context) -> None:
    """From here on nobody is signed in."""
    if context.response is not None:
        context.response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    context.become(None)


async def set_tier(info: Info, user_id: ID, tier: SubscriptionTier) -> Any:
    """Move a listener to a tier, and to the role that goes with it."""
    return await with_rights(info, user_id, lambda account: (role_for_tier(Role(account.role), tier), tier))


async def set_role(info: Info, user_id: ID, role: Role) -> Any:
    return await with_rights(info, user_id, lambda account: (role, SubscriptionTier(account.tier)))


async def with_rights(info: Info, user_id: ID, decide: Callable[[Any], accounts.Rights]) -> Any:
    """The listener, once they have the rights that `decide` makes of their row. Raises NotFound."""
    wanted = parse_id(user_id)
    if not await accounts.change_rights(info.context.sources, wanted, decide):
        raise NotFound(f"There is no listener with the id {user_id}.")
    return await info.context.load(catalog.user_by_id, wanted)
