"""What is in playlists: pages of it, and the part of it that edits are merged into and written back from.

What takes a `connection` runs inside `Database.transaction()`, under the lock of the owner's library: nobody else
changes the playlist meanwhile.
"""

from collections.abc import Collection
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from datasources.catalog import grouped
from datasources.database import Connection, Row, Statement
from datasources.expressions import IDS
from datasources.records import rows_from
from datasources.sources import Sources
from datasources.tables.playlists import playlist_entries
from domain.clocks import Clock
from domain.errors import NotFound
from domain.playlist_views import Entry, NoRoom, View, settle
from domain.positions import spread

REACH = 8
"""How many visible entries on either side of a place move to make room there, at first; four times as many next."""


class PlaylistEntryRow(Row): ...


class EntryPage(NamedTuple):
    """One page of a playlist: at most `size` entries after the place that the entry `after` has now, removed or not."""

    playlist_id: UUID
    after: UUID | None
    size: int


START = ("-infinity", UUID(int=0))
"""Before every place."""
END = ("infinity", UUID(int=2**128 - 1))
PLAYLIST = bindparam("playlist", type_=Uuid)
REACHED = bindparam("reach", type_=Integer)
ONE = literal_column("1", Integer)
"""Spelled out: with a parameter the planner would not know how few rows are wanted."""
STORED = [column for column in playlist_entries.c if column.name != "playlist_id"]
visible = playlist_entries.alias("visible")
in_order = (visible.c.position, visible.c.entry_id)
backwards = (visible.c.position.desc(), visible.c.entry_id.desc())


def place(table: FromClause) -> Any:
    return tuple_(table.c.position, table.c.entry_id)


def place_or(table: FromClause, other: tuple[str, UUID]) -> Any:
    """The place in the row of an outer join, or another one when there is no row."""
    position, entry_id = other
    return tuple_(
        func.coalesce(table.c.position, literal_column(f"'{position}'::float8")),
        func.coalesce(table.c.entry_id, literal_column(f"'{entry_id}'::uuid")),
    )


def nearest(beyond: ColumnElement[bool], order: Any, name: str, skipped: Any = None) -> Any:
    """The first visible entry beyond a place."""
    found = select(*(visible.c[column.name] for column in STORED))
    found = found.where(visible.c.playlist_id == PLAYLIST, visible.c.removed_at.is_(None), beyond)
    return found.order_by(*order).offset(skipped).limit(ONE).lateral(name)


named = (
    select(*STORED)
    .where(playlist_entries.c.playlist_id == PLAYLIST, playlist_entries.c.entry_id == func.any(IDS))
    .cte("named")
)
before = nearest(place(visible) < place(named), backwards, "before")
after = nearest(place(visible) > place(named), in_order, "after")
KNOWN = Statement(
    union_all(
        select(named),
        select(before).join_from(named, before, true()),
        select(after).join_from(named, after, true()),
        select(nearest(true(), in_order, "first")),
    )
)

upsert = insert(playlist_entries).from_select(
    ["playlist_id", *(column.name for column in STORED)], select(PLAYLIST, *rows_from(STORED).c)
)
WRITE = Statement(
    upsert.on_conflict_do_update(
        index_elements=["playlist_id", "entry_id"],
        set_={name: upsert.excluded[name] for name in ("position", "placed", "removed_at")},
    )
)

centre = playlist_entries.alias("centre")
below = nearest(place(visible) < place(centre), backwards, "below", skipped=REACHED)
above = nearest(place(visible) > place(centre), in_order, "above", skipped=REACHED)
# Removed entries are in no index by place, so this reads the whole playlist: once in some dozen edits of one place.
WINDOW = Statement(
    select(
        playlist_entries.c.entry_id,
        playlist_entries.c.position,
        below.c.position.label("below"),
        above.c.position.label("above"),
    )
    .select_from(centre.outerjoin(below, true()).outerjoin(above, true()).join(playlist_entries, true()))
    .where(centre.c.playlist_id == PLAYLIST, centre.c.entry_id == bindparam("centre", type_=Uuid))
    .where(
        playlist_entries.c.playlist_id == PLAYLIST,
        place(playlist_entries) > place_or(below, START),
        place(playlist_entries) < place_or(above, END),
    )
    .order_by(playlist_entries.c.position, playlist_entries.c.entry_id)
)
numbers = rows_from([playlist_entries.c.entry_id, playlist_entries.c.position])
RENUMBER = Statement(
    update(playlist_entries)
    .where(playlist_entries.c.playlist_id == PLAYLIST, playlist_entries.c.entry_id == numbers.c.entry_id)
    .values(position=numbers.c.position)
)

asked = (
    func.unnest(bindparam("playlists", type_=ARRAY(Uuid)), bindparam("cursors", type_=ARRAY(Uuid)))
    .table_valued(column("playlist_id", Uuid), column("cursor", Uuid), with_ordinality="key")
    .render_derived(name="asked")
)
cursor = playlist_entries.alias("cursor")
page = (
    select(visible.c.entry_id.label("id"), visible.c.track_id, visible.c.added_at)
    .where(visible.c.playlist_id == asked.c.playlist_id, visible.c.removed_at.is_(None))
    .where(place(visible) > place_or(cursor, START))
    .order_by(*in_order)
    .limit(bindparam("size", type_=Integer))
    .lateral("page")
)
PAGES = Statement(
    select(asked.c.key, or_(asked.c.cursor.is_(None), cursor.c.entry_id.is_not(None)).label("found"), page).select_from(
        asked.outerjoin(
            cursor, (cursor.c.playlist_id == asked.c.playlist_id) & (cursor.c.entry_id == asked.c.cursor)
        ).outerjoin(page, true())
    ),
    PlaylistEntryRow,
)


async def known_entries(connection: Connection, playlist_id: UUID, ids: Collection[UUID]) -> list[Entry]:
    """What a view of these entries holds: each, its visible neighbours, and the first. Some may come repeatedly."""
    return [entry_from(row) for row in await connection.fetch(KNOWN, playlist=playlist_id, keys=list(ids))]


async def write_entries(connection: Connection, playlist_id: UUID, entries: Collection[Entry]) -> None:
    if entries:
        await connection.execute(WRITE, playlist=playlist_id, rows=[row_of(entry) for entry in entries])


async def make_room(connection: Connection, playlist_id: UUID, around: UUID, wanted: int) -> dict[UUID, float]:
    """Spread the entries near one, removed ones too, until `wanted` more fit between any two of them.

    Returns the new positions.
    """
    reach = REACH
    while True:
        window = await connection.fetch(WINDOW, playlist=playlist_id, centre=around, reach=reach)
        if not window:
            raise NotFound(f"This playlist no longer knows the entry {around}.")  # retention has just forgotten it
        spaced = spread([row.position for row in window], window[0].below, window[0].above, wanted)
        if spaced is not None:
            break
        reach *= 4
    positions = {row.entry_id: position for row, position in zip(window, spaced, strict=True)}
    rows = [{"entry_id": id, "position": position} for id, position in positions.items()]
    await connection.execute(RENUMBER, playlist=playlist_id, rows=rows)
    return positions


async def write_view(connection: Connection, playlist_id: UUID, view: View) -> None:
    """Write what was merged into a view, and make room for it where there is none."""
    while True:
        try:
            entries = settle(view)
        except NoRoom as full:
            view = view.renumbered(await make_room(connection, playlist_id, full.after, full.wanted))
        else:
            return await write_entries(connection, playlist_id, entries)


async def entry_pages(sources: Sources, pages: list[EntryPage]) -> list[list[Any] | None]:
    """For each page its entries, in order, and one more when there is a next page.

    None when the playlist knows no entry `after`: a cursor that is not one of this list's.
    """
    found: dict[EntryPage, list[Any] | None] = {}
    for size, group in grouped(pages, attrgetter("size")):
        playlists, cursors = [page.playlist_id for page in group], [page.after for page in group]
        rows = await sources.database.fetch(PAGES, playlists=playlists, cursors=cursors, size=size + 1)
        # Every page has a row at least, which says whether its cursor was found.
        found.update((group[row.key - 1], [] if row.found else None) for row in rows)
        for row in rows:
            if (entries := found[group[row.key - 1]]) is not None and row.id is not None:
                entries.append(row)
    return [found[page] for page in pages]


def entry_from(row: Any) -> Entry:
    placed = msgspec.convert(row.placed, Clock)
    return Entry(row.entry_id, row.track_id, row.position, row.duration_ms, row.added_at, placed, row.removed_at)


def row_of(entry: Entry) -> dict[str, Any]:
    return {
        "entry_id": entry.id,
        "track_id": entry.track_id,
        "position": entry.position,
        "duration_ms": entry.duration_ms,
        "added_at": entry.added_at,
        "placed": entry.placed,
        "removed_at": entry.removed_at,
    }
