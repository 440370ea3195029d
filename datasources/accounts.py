"""Listeners in PostgreSQL."""

from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from datasources.catalog import IDS, one_each
from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.accounts import users

NEW_USER = ("username", "username_key", "password_hash", "display_name", "tier", "role")

account_by_id = one_each(
    Statement(
        select(
            users.c.id.label("key"), users.c.id, users.c.username, users.c.display_name, users.c.tier, users.c.role
        ).where(users.c.id == func.any(IDS))
    )
)
BY_USERNAME = Statement(select(users).where(users.c.username_key == bindparam("username_key")))
ADD = Statement(
    insert(users).values({name: bindparam(name) for name in NEW_USER}).on_conflict_do_nothing().returning(*users.c)
)


async def user_named(sources: Sources, username_key: str) -> Any | None:
    """The whole row, password hash included, for sign-in."""
    return await sources.database.fetch_one(BY_USERNAME, username_key=username_key)


async def add_user(sources: Sources, **values: Any) -> Any | None:
    """A new listener's row; None when the name is taken."""
    return await sources.database.fetch_one(ADD, **values)
