"""How long the history of libraries is kept, and its removal, a little at a time.

All of it may be interrupted anywhere and go on later, and may run twice at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Delete, Table, bindparam, delete, func, select, text, update

from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.library import libraries, library_changes, library_mutations
from datasources.tables.playlists import playlist_entries

HISTORY_KEPT = timedelta(days=90)
"""A device that was away for a season still catches up with what changed; after that it reads the library anew. What
a device may hand in once more, and what it may bring back by being late, is remembered as long."""
BATCH = 1_000
"""Rows of a transaction: some milliseconds, which is how long a listener's change may have to wait for it."""
LOOK = 10_000
"""Old changes that are looked at together for the libraries they are of."""

BEFORE = bindparam("before", type_=library_changes.c.created_at.type)
USER_ID = bindparam("user_id", type_=libraries.c.user_id.type)


def counted(removing: Delete) -> Statement:
    """The deletion, answering how many rows are gone."""
    removed = removing.returning(text("1")).cte("removed")
    return Statement(select(func.count().label("rows")).select_from(removed))


def forgetting(table: Table, age: ColumnElement[datetime]) -> Statement:
    """Removes a batch of old rows. Those that somebody else has locked wait for the next batch, and nobody for us."""
    key = table.primary_key.columns
    old: CTE = select(*key).where(age < BEFORE).limit(BATCH).with_for_update(skip_locked=True).cte("old")
    return counted(delete(table).where(*(column == old.c[column.name] for column in key)))


some_old = select(library_changes.c.user_id).where(library_changes.c.created_at < BEFORE).limit(LOOK).subquery()
WITH_OLD_CHANGES = Statement(select(some_old.c.user_id).distinct())

# In order of their positions, by which `created_at` grows too: the old ones come first.
floor = select(libraries.c.floor).where(libraries.c.user_id == USER_ID).scalar_subquery()
oldest = (
    select(library_changes.c.sync_token, library_changes.c.created_at)
    .where(library_changes.c.user_id == USER_ID, library_changes.c.sync_token > floor)
    .order_by(library_changes.c.sync_token)
    .limit(BATCH)
    .subquery()
)
reached = select(func.max(oldest.c.sync_token).label("floor")).where(oldest.c.created_at < BEFORE).subquery()
# Takes the library's lock, as whoever changes it does. One statement is one snapshot and one commit: whoever reads
# floor and changes in one statement sees both as they were, or both as they are now.
raised = (
    update(libraries)
    .where(libraries.c.user_id == USER_ID, libraries.c.floor < reached.c.floor)
    .values(floor=reached.c.floor)
    .returning(libraries.c.user_id, libraries.c.floor)
    .cte("raised")
)
TRIM = counted(
    delete(library_changes).where(
        library_changes.c.user_id == raised.c.user_id, library_changes.c.sync_token <= raised.c.floor
    )
)

FORGET_MUTATIONS = forgetting(library_mutations, library_mutations.c.created_at)
FORGET_REMOVED_ENTRIES = forgetting(playlist_entries, playlist_entries.c.removed_at)

# By the index of ages, whatever the planner believes. Once it plans without looking at the parameter it takes a third
# of the rows for old: it would read the whole table to find that there are none.
BY_INDEX = Statement(text("SET LOCAL enable_seqscan = off"))


async def trim_changes(sources: Sources, before: datetime) -> int:
    """Remove the changes made before that, raise the floors over them, and tell how many are gone."""
    removed, last = 0, -1
    while removed > last:
        last = removed
        for row in await by_index(sources, WITH_OLD_CHANGES, before):
            removed += await in_batches(partial(trim_library, sources, row.user_id, before))
    return removed


async def trim_library(sources: Sources, user_id: UUID, before: datetime) -> int:
    row = await sources.database.fetch_one(TRIM, user_id=user_id, before=before)
    return int(row.rows) if row else 0


async def forget_mutations(sources: Sources, before: datetime) -> int:
    """Forget what became of mutations that were handed in before that. How many they were."""
    return await in_batches(partial(forget, sources, FORGET_MUTATIONS, before))


async def forget_removed_entries(sources: Sources, before: datetime) -> int:
    """Forget the playlist entries that were removed before that. How many they were."""
    return await in_batches(partial(forget, sources, FORGET_REMOVED_ENTRIES, before))


async def forget(sources: Sources, statement: Statement, before: datetime) -> int:
    (row,) = await by_index(sources, statement, before)
    return int(row.rows)


async def by_index(sources: Sources, statement: Statement, before: datetime) -> list[Any]:
    async with sources.database.transaction() as connection:
        await connection.execute(BY_INDEX)
        return await connection.fetch(statement, before=before)


async def in_batches(remove: Callable[[], Awaitable[int]]) -> int:
    """Repeat until no full batch is left, resting as long as each has taken: a busy database gets longer rests."""
    removed = 0
    while True:
        began = time.perf_counter()
        batch = await remove()
        removed += batch
        await asyncio.sleep(time.perf_counter() - began)
        if batch < BATCH:
            return removed
