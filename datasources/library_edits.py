"""Writing to a library: one transaction, under the lock of its row, that gives its changes their positions.

The lock makes the order of positions the order of the commits, and leaves no gaps. With a sequence that libraries
share, a lower number can commit after a higher one, and a device that has read past it never sees it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy import (
    ARRAY,
    Integer,
    Text,
    Uuid,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    null,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from datasources.database import Connection, Database, Statement
from datasources.expressions import IDS, USER, VISIBLE
from datasources.records import rows_from
from datasources.tables.catalog import albums, artists, tracks
from datasources.tables.library import libraries, library_changes, library_items, library_mutations
from datasources.tables.playlists import playlists
from domain.clocks import Clock
from domain.errors import Unavailable
from domain.ids import new_id
from domain.library import ChangeType, LibraryItemType
from domain.metadata import fold
from domain.sync import Change, Edits, Item, Merged, RejectReason, merge

LOCK = Statement(
    update(libraries)
    .where(libraries.c.user_id == USER)
    .values(
        clock=func.greatest(
            func.clock_timestamp(),
            libraries.c.clock + bindparam("moments", type_=Integer) * text("interval '1 microsecond'"),
        )
    )
    .returning(*libraries.c)
)
ITEMS = Statement(
    select(library_items).where(library_items.c.user_id == USER, library_items.c.item_id == func.any(IDS))
)
# Whatever can be put into a library, as far as the listener may see it.
THINGS = Statement(
    union_all(
        *(
            select(
                table.c.id,
                literal_column(f"'{kind.value}'").label("type"),
                key.label("title"),
                cast(null(), Uuid).label("owner_id"),
            ).where(table.c.id == func.any(IDS))
            for table, kind, key in (
                (tracks, LibraryItemType.TRACK, tracks.c.title_key),
                (albums, LibraryItemType.ALBUM, albums.c.title_key),
                (artists, LibraryItemType.ARTIST, artists.c.name_key),
            )
        ),
        select(
            playlists.c.id,
            literal_column(f"'{LibraryItemType.PLAYLIST.value}'"),
            playlists.c.name,
            playlists.c.owner_id,
        ).where(playlists.c.id == func.any(IDS), VISIBLE),
    )
)
MUTATIONS = Statement(
    select(library_mutations).where(
        library_mutations.c.user_id == USER,
        library_mutations.c.mutation_id == func.any(bindparam("mutation_ids", type_=ARRAY(Text))),
    )
)

ITEM_COLUMNS = [column for column in library_items.c if column.name != "user_id"]
written_items = rows_from(ITEM_COLUMNS)
upsert_items = insert(library_items).from_select(
    ["user_id", *(column.name for column in ITEM_COLUMNS)], select(USER, *written_items.c)
)
WRITE_ITEMS = Statement(
    upsert_items.on_conflict_do_update(
        index_elements=["user_id", "item_id"],
        set_={column.name: upsert_items.excluded[column.name] for column in ITEM_COLUMNS if column.name != "item_id"},
    )
)
CHANGE_COLUMNS = [column for column in library_changes.c if column.name not in ("user_id", "created_at")]
WRITE_CHANGES = Statement(
    insert(library_changes).from_select(
        ["user_id", "created_at", *(column.name for column in CHANGE_COLUMNS)],
        select(USER, bindparam("now", type_=library_changes.c.created_at.type), *rows_from(CHANGE_COLUMNS).c),
    )
)
MUTATION_COLUMNS = [column for column in library_mutations.c if column.name not in ("user_id", "created_at")]
WRITE_MUTATIONS = Statement(
    insert(library_mutations).from_select(
        ["user_id", "created_at", *(column.name for column in MUTATION_COLUMNS)],
        select(USER, bindparam("now", type_=library_mutations.c.created_at.type), *rows_from(MUTATION_COLUMNS).c),
    )
)
DELETE_PLAYLISTS = Statement(delete(playlists).where(playlists.c.id == func.any(IDS)))
WRITE_HEAD = Statement(
    update(libraries)
    .where(libraries.c.user_id == USER)
    .values(head=bindparam("new_head"), item_counts=bindparam("counts", type_=JSONB))
)


TURN_LIMIT = 20.0
"""Seconds to wait for other edits of the same library in this process."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change that has its position: what a row of library_changes holds."""

    sync_token: int
    change_type: str
    item_type: str
    item_id: UUID
    data: Mapping[str, Any]
    weight: int
    occurred_at: datetime


class Thing(NamedTuple):
    """Something that can be in a library, as far as the listener may see it."""

    type: LibraryItemType
    title: str
    owner_id: UUID | None = None
    """Of a playlist."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a change did inside a playlist: what became of its edits, those that had an effect, normalised, and the
    playlist's revision with them."""

    became: Edits
    edits: Sequence[Mapping[str, Any]]
    revision: int


class LibraryEdit:
    """One library under its lock. Changes are merged in memory; `write` writes them together."""

    def __init__(self, connection: Connection, library: Any) -> None:
        self.connection = connection
        self.user_id: UUID = library.user_id
        self.token_key: UUID = library.token_key
        self.now: datetime = library.clock
        """The library's own time: later than all it has seen."""
        self.since: int = library.head
        self.head: int = library.head
        self.changes: list[Recorded] = []
        self.items: dict[UUID, Item | None] = {}
        self.things: dict[UUID, Thing] = {}
        self._counts: Counter[str] = Counter(library.item_counts)
        self._dirty: set[UUID] = set()
        self._deleted: list[UUID] = []

    def clock(self) -> Clock:
        """Of what happens now, and so is later than everything that happened."""
        return Clock(self.now, str(new_id()))

    async def load(self, ids: Collection[UUID]) -> None:
        """Read what the library and the catalogue have for these ids."""
        unread = [id for id in set(ids) if id not in self.items]
        if not unread:
            return
        rows = await self.connection.fetch(ITEMS, user_id=self.user_id, keys=unread)
        self.items |= dict.fromkeys(unread) | {row.item_id: item_from(row) for row in rows}
        things = await self.connection.fetch(THINGS, user_id=self.user_id, keys=unread)
        self.things |= {row.id: Thing(LibraryItemType(row.type), row.title, row.owner_id) for row in things}

    def owns(self, id: UUID) -> bool:
        """Whether it is a playlist of the listener's own."""
        return id in self.things and self.things[id].owner_id == self.user_id

    def apply(self, change: Change, inside: Inside | None = None) -> Merged:
        """Merge a change of an item that was loaded, and record what devices see of it."""
        id, item, thing = change.item_id, self.items[change.item_id], self.things.get(change.item_id)
        if thing is None and (item is None or change.type is not ChangeType.REMOVE):
            # Removing what never was changes nothing; the rest needs something that is there to be seen.
            return Merged(item, rejected=None if change.type is ChangeType.REMOVE else RejectReason.NOT_FOUND)
        kind = thing.type if thing is not None else item.type  # type: ignore[union-attr]
        merged = merge(item, change, kind, inside.became if inside else Edits.NONE)
        self._keep(merged.item)
        if merged.effect:
            self._record(merged.effect, merged.item, change.clock, inside)
        if merged.effect is ChangeType.REMOVE and self.owns(id):
            # Where else would it be? A listener's own playlist is in their library or nowhere.
            self._deleted.append(id)
            del self.things[id]
        return merged

    def _keep(self, item: Item | None) -> None:
        if item is not None and item is not self.items.get(item.id):
            self.items[item.id] = item
            self._dirty.add(item.id)

    def _record(self, effect: ChangeType, item: Item | None, clock: Clock, inside: Inside | None) -> None:
        """Give a change its position."""
        assert item is not None
        self._counts[item.type.value] += {ChangeType.ADD: 1, ChangeType.REMOVE: -1}.get(effect, 0)
        self.head += 1
        shown = {name: getattr(item, name) for name in ("added_at", "updated_at", "loved", "rating")}
        data: dict[str, Any] = {"item": shown if item.present else None}
        if inside and inside.became is Edits.SEEN:
            data |= {"edits": inside.edits, "revision": inside.revision}
        weight = 1 + len(data.get("edits", ()))
        self.changes.append(Recorded(self.head, effect.value, item.type.value, item.id, data, weight, clock.at))

    async def known_mutations(self, ids: Collection[str]) -> dict[str, Any]:
        """Rows of the mutations that were handed in before, by their id."""
        rows = await self.connection.fetch(MUTATIONS, user_id=self.user_id, mutation_ids=list(ids))
        return {row.mutation_id: row for row in rows}

    async def remember_mutations(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            await self.connection.execute(WRITE_MUTATIONS, user_id=self.user_id, now=self.now, rows=rows)

    async def write(self) -> None:
        written = [item_row(item, self.things.get(id)) for id in self._dirty if (item := self.items[id]) is not None]
        if written:
            await self.connection.execute(WRITE_ITEMS, user_id=self.user_id, rows=written)
        if self._deleted:
            await self.connection.execute(DELETE_PLAYLISTS, keys=self._deleted)
        if self.changes:
            rows = [{name: getattr(change, name) for name in Recorded.__slots__} for change in self.changes]
            await self.connection.execute(WRITE_CHANGES, user_id=self.user_id, now=self.now, rows=rows)
            await self.connection.execute(
                WRITE_HEAD, user_id=self.user_id, new_head=self.head, counts=dict(self._counts)
            )


class Libraries:
    """The libraries' one way in. `ring` is told of every library that has changed, and where its head is now."""

    def __init__(self, database: Database, ring: Callable[[UUID, int], None]) -> None:
        self._database = database
        self._ring = ring
        self._queues: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def edit(self, user_id: UUID, moments: int = 1) -> AsyncIterator[LibraryEdit]:
        """Change a library: everything in the block is committed together when it ends, or not at all.

        `moments` are the microseconds that the edit has to itself, the last of them being its `now`.
        """
        async with self._turn(user_id):
            head = 0
            try:
                async with self._database.transaction() as connection:
                    edit = LibraryEdit(connection, await connection.fetch_one(LOCK, user_id=user_id, moments=moments))
                    yield edit
                    await edit.write()
                    head = edit.head if edit.changes else 0
            finally:
                # Whoever is cut off while committing does not know whether it took effect. A ring too many is harmless.
                if head:
                    self._ring(user_id, head)

    @asynccontextmanager
    async def _turn(self, user_id: UUID) -> AsyncIterator[None]:
        """Who waits for a library waits here, without a connection: one busy library must not use up the pool."""
        queue = self._queues.setdefault(user_id, asyncio.Lock())
        try:
            async with asyncio.timeout(TURN_LIMIT):
                await queue.acquire()
        except TimeoutError:
            raise Unavailable("Too much is being changed in this library just now; try again.", retry_after=2) from None
        try:
            yield
        finally:
            queue.release()


def item_from(row: Any) -> Item:
    return Item(
        row.item_id,
        LibraryItemType(row.item_type),
        row.present,
        row.added_at,
        row.updated_at,
        row.loved,
        row.rating,
        {name: clock_from(stored) for name, stored in row.clocks.items()},
    )


def item_row(item: Item, thing: Thing | None) -> dict[str, Any]:
    return {
        "item_id": item.id,
        "item_type": item.type.value,
        "present": item.present,
        "added_at": item.added_at,
        "updated_at": item.updated_at,
        "loved": item.loved,
        "rating": item.rating,
        # A removed item is in no list.
        "title_key": fold(thing.title) if thing is not None else "",
        "clocks": item.clocks,
    }


def clock_from(stored: Any) -> Clock:
    at, by = stored
    return Clock(datetime.fromisoformat(at), by)
