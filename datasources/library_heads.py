"""How far each library has come: the position of its last change."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select

from datasources.database import Database, Statement
from datasources.expressions import IDS
from datasources.tables.library import libraries

HEADS = Statement(select(libraries.c.user_id, libraries.c.head).where(libraries.c.user_id == func.any(IDS)))


async def library_heads(database: Database, users: list[UUID]) -> Mapping[UUID, int]:
    """Those of the listeners who have a library, in one statement. Raises Unavailable."""
    return {row.user_id: row.head for row in await database.fetch(HEADS, keys=users)}
