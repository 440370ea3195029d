"""The history of a library: what changed after a position, read in one statement.

One statement is one snapshot. Were `floor` read first and the changes after it, retention could take changes away
between the two, and the reader would not know that it misses them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, bindparam, func, select

from datasources.database import Database, Statement
from datasources.expressions import USER
from datasources.tables.library import libraries, library_changes

WEIGHT_LIMIT = 2_000
"""Changes, and edits inside them, of one page: those of a thousand changes can be a million."""

following = (
    select(
        library_changes.c.sync_token,
        library_changes.c.change_type,
        library_changes.c.item_type,
        library_changes.c.item_id,
        library_changes.c.data,
        library_changes.c.occurred_at,
        library_changes.c.created_at,
        (
            func.sum(library_changes.c.weight).over(order_by=library_changes.c.sync_token) - library_changes.c.weight
        ).label("before"),
    )
    .where(library_changes.c.user_id == libraries.c.user_id)
    .where(library_changes.c.sync_token > bindparam("since", type_=BigInteger))
    .order_by(library_changes.c.sync_token)
    .limit(bindparam("size", type_=Integer))
    .lateral("following")
)
HISTORY = Statement(
    select(libraries.c.head, libraries.c.floor, libraries.c.token_key, following)
    .join_from(libraries, following, following.c.before < WEIGHT_LIMIT, isouter=True)
    .where(libraries.c.user_id == USER)
    .order_by(following.c.sync_token)
)


@dataclass(frozen=True, slots=True)
class History:
    """What followed on position `since`: at most as many changes as were asked for, and where that leads."""

    token_key: UUID
    since: int
    position: int
    changes: Sequence[Any]
    """Rows of library_changes, oldest first."""
    has_more: bool = False
    must_refresh: bool = False


async def read_history(database: Database, user_id: UUID, since: int, size: int) -> History:
    """At most `size` changes after `since`, and fewer when much was done in each.

    A position below the floor, or one that this history has not reached (it was restored from a backup), leads
    nowhere: `must_refresh`, and the position is the head of this moment.
    """
    rows = await database.fetch(HISTORY, user_id=user_id, since=since, size=size)
    library = rows[0]
    if not library.floor <= since <= library.head:
        return History(library.token_key, since, library.head, (), must_refresh=True)
    changes = [row for row in rows if row.sync_token is not None]
    position = changes[-1].sync_token if changes else since
    return History(library.token_key, since, position, changes, has_more=position < library.head)
