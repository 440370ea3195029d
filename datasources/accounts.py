"""Listeners in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from datasources.catalog import IDS, one_each
from datasources.database import Connection, Statement
from datasources.sources import Sources
from datasources.tables.accounts import users
from domain.accounts import Role, SubscriptionTier

NEW_USER = ("username", "username_key", "password_hash", "display_name", "tier", "role")
SHOWN = (users.c.id, users.c.username, users.c.display_name, users.c.tier, users.c.role)

account_by_id = one_each(Statement(select(users.c.id.label("key"), *SHOWN).where(users.c.id == func.any(IDS))))

BY_USERNAME = Statement(select(users).where(users.c.username_key == bindparam("username_key")))
ADD = Statement(
    insert(users).values({name: bindparam(name) for name in NEW_USER}).on_conflict_do_nothing().returning(*users.c)
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


class RightsEdit:
    """A listener whose rights are being changed: `account` is their row, locked."""

    def __init__(self, sources: Sources, connection: Connection, account: Any) -> None:
        self.account = account
        self._sources = sources
        self._connection = connection

    async def set(self, role: Role, tier: SubscriptionTier) -> None:
        """Change the row and every session of theirs. The lock keeps two changes in one order in both."""
        await self._connection.execute(SET_RIGHTS, user_id=self.account.id, new_role=role.value, new_tier=tier.value)
        await self._sources.sessions.change_rights(self.account.id, role, tier)


@asynccontextmanager
async def edit_rights(sources: Sources, user_id: UUID) -> AsyncIterator[RightsEdit | None]:
    """One transaction; None when there is no such listener."""
    async with sources.database.transaction() as connection:
        account = await connection.fetch_one(LOCKED, user_id=user_id)
        yield RightsEdit(sources, connection, account) if account else None
