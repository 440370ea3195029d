"""Listeners in PostgreSQL."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from datasources.catalog import one_each
from datasources.database import Statement
from datasources.expressions import IDS
from datasources.sources import Sources
from datasources.tables.accounts import users
from datasources.tables.library import libraries
from domain.accounts import Role, SubscriptionTier

NEW_USER = ("username", "username_key", "password_hash", "display_name", "tier", "role")
SHOWN = (users.c.id, users.c.username, users.c.display_name, users.c.tier, users.c.role)

account_by_id = one_each(Statement(select(users.c.id.label("key"), *SHOWN).where(users.c.id == func.any(IDS))))

BY_USERNAME = Statement(select(users).where(users.c.username_key == bindparam("username_key")))
added = (
    insert(users)
    .values({name: bindparam(name) for name in NEW_USER})
    .on_conflict_do_nothing()
    .returning(*users.c)
    .cte("added")
)
# Whoever exists has a library.
ADD = Statement(
    select(*added.c).add_cte(insert(libraries).from_select(["user_id"], select(added.c.id)).cte("with_library"))
)
ONE = select(*SHOWN).where(users.c.id == bindparam("user_id"))
SETTLED = Statement(ONE.with_for_update(read=True))
LOCKED = Statement(ONE.with_for_update())
SET_RIGHTS = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(tier=bindparam("new_tier"), role=bindparam("new_role"))
)
SET_PASSWORD_HASH = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("old_hash"))
    .values(password_hash=bindparam("new_hash"))
)


async def user_named(sources: Sources, username_key: str) -> Any | None:
    """The whole row, password hash included, for sign-in."""
    return await sources.database.fetch_one(BY_USERNAME, username_key=username_key)


async def add_user(sources: Sources, **values: Any) -> Any | None:
    """A new listener's row; None when the name is taken."""
    return await sources.database.fetch_one(ADD, **values)


async def settled_account(sources: Sources, user_id: UUID) -> Any | None:
    """The listener's row once no change of their rights is under way."""
    return await sources.database.fetch_one(SETTLED, user_id=user_id)


async def replace_password_hash(sources: Sources, user_id: UUID, old: str, new: str) -> None:
    """Unless it was changed meanwhile."""
    await sources.database.fetch(SET_PASSWORD_HASH, user_id=user_id, old_hash=old, new_hash=new)


Rights = tuple[Role, SubscriptionTier]


async def change_rights(sources: Sources, user_id: UUID, decide: Callable[[Any], Rights]) -> bool:
    """Give a listener the rights that `decide` makes of their row; False when there is no such listener.

    Raises Unavailable, and changes nothing, when the session store does not answer. Should it stop answering just
    then, sessions keep the rights they had, and doing it again brings them the new ones.
    """
    await sources.sessions.ping()
    async with sources.database.transaction() as connection:
        account = await connection.fetch_one(LOCKED, user_id=user_id)
        if account is None:
            return False
        role, tier = decide(account)
        await connection.execute(SET_RIGHTS, user_id=user_id, new_role=role.value, new_tier=tier.value)
    await share_rights(sources, user_id)
    return True


async def share_rights(sources: Sources, user_id: UUID) -> None:
    """Give every session of the listener the rights in their row. The lock keeps two changes in one order in both."""
    async with sources.database.transaction() as connection:
        account = await connection.fetch_one(LOCKED, user_id=user_id)
        if account is not None:
            await sources.sessions.change_rights(user_id, Role(account.role), SubscriptionTier(account.tier))
