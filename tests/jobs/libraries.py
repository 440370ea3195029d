"""Libraries with a past: written and looked at in the database itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg

from datasources.accounts import add_user
from datasources.sources import Sources

# As whoever changes a library does it: under the lock of its row.
ADD = """
WITH library AS (
    UPDATE libraries SET head = head + cardinality($2::timestamptz[]) WHERE user_id = $1
    RETURNING head - cardinality($2::timestamptz[]) AS since
)
INSERT INTO library_changes
    (user_id, sync_token, change_type, item_type, item_id, data, weight, occurred_at, created_at)
SELECT $1, since + number, 'ADD', 'TRACK', gen_random_uuid(), '{}', 1, at, at
FROM library, unnest($2::timestamptz[]) WITH ORDINALITY AS times (at, number)
"""
STATE = """
SELECT head, floor, ARRAY(SELECT sync_token FROM library_changes c WHERE c.user_id = l.user_id ORDER BY 1) AS positions
FROM libraries l WHERE user_id = $1
"""


@dataclass
class Library:
    """A new listener's library."""

    user_id: UUID
    pool: asyncpg.Pool

    @classmethod
    async def new(cls, sources: Sources, pool: asyncpg.Pool) -> Self:
        name = f"listener-{uuid4().hex}"
        user = await add_user(
            sources,
            username=name,
            username_key=name,
            display_name=name,
            password_hash="none",
            tier="FREE",
            role="USER",
        )
        assert user is not None
        return cls(user.id, pool)

    async def add(self, times: Sequence[datetime]) -> None:
        """A change made at each of these times, the oldest first."""
        await self.pool.execute(ADD, self.user_id, times)

    async def state(self) -> tuple[int, int, list[int]]:
        """Head, floor and the positions there are, at one moment."""
        row = await self.pool.fetchrow(STATE, self.user_id)
        return row["head"], row["floor"], row["positions"]

    async def rows(self, table: str) -> list[Any]:
        """Its rows with their versions, as text."""
        query = f"SELECT xmin::text || t::text FROM {table} t WHERE user_id = $1 ORDER BY 1"
        return [row[0] for row in await self.pool.fetch(query, self.user_id)]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(url, min_size=1, max_size=6) as pool:
        yield pool
