"""An artist's albums by page and most played tracks: lists whose batches take arguments along with the key.

One statement serves all artists that are asked with the same arguments: a lateral join reads each one's page from
the index, so a page costs the same wherever it lies and however many there are.
"""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Date, Integer, Text, Uuid, bindparam, func, literal_column, select, true, tuple_

from datasources.catalog import AlbumRow, TrackRow, grouped
from datasources.database import Statement
from datasources.expressions import IDS, shown
from datasources.sources import Sources
from datasources.tables.catalog import NEWEST_FIRST, albums, tracks

UNDATED = date.min
"""Stands in for an unknown release date, as in the index: asyncpg's name for -infinity."""


class Position(NamedTuple):
    """Where an album stands in its artist's list."""

    released: date
    id: UUID


START = Position(date.max, UUID(int=2**128 - 1))
"""Before the newest album there could be."""


class AlbumPage(NamedTuple):
    """One page of an artist's albums of some types: at most `size` after a position."""

    artist_id: UUID
    types: tuple[str, ...]
    after: Position
    size: int


class AlbumCount(NamedTuple):
    artist_id: UUID
    types: tuple[str, ...]


class TopTracks(NamedTuple):
    artist_id: UUID
    size: int


asked = select(func.unnest(IDS).label("key")).subquery("asked")
types = albums.c.type == func.any(bindparam("types", type_=ARRAY(Text)))
newest = literal_column(NEWEST_FIRST, Date)

page = (
    select(*shown(albums))
    .where(albums.c.artist_id == asked.c.key, types)
    .where(tuple_(newest, albums.c.id) < tuple_(bindparam("released", type_=Date), bindparam("album", type_=Uuid)))
    .order_by(newest.desc(), albums.c.id.desc())
    .limit(bindparam("size", type_=Integer))
    .lateral("page")
)
ALBUMS = Statement(select(asked.c.key, page).join_from(asked, page, true()), AlbumRow)
ALBUM_COUNTS = Statement(
    select(albums.c.artist_id.label("key"), func.count().label("total"))
    .where(albums.c.artist_id == func.any(IDS), types)
    .group_by(albums.c.artist_id)
)
top = (
    select(*shown(tracks))
    .where(tracks.c.artist_id == asked.c.key)
    .order_by(tracks.c.play_count.desc(), tracks.c.id)
    .limit(bindparam("size", type_=Integer))
    .lateral("top")
)
TOP_TRACKS = Statement(select(asked.c.key, top).join_from(asked, top, true()), TrackRow)


async def album_pages(sources: Sources, pages: list[AlbumPage]) -> list[list[Any]]:
    """For each page its albums, newest first, and one more when there is a next page."""
    found: dict[AlbumPage, list[Any]] = {}
    for (types, after, size), group in grouped(pages, lambda page: (page.types, page.after, page.size)):
        ids = [page.artist_id for page in group]
        lists = await sources.database.lists_by_key(
            ALBUMS, ids, types=types, released=after.released, album=after.id, size=size + 1
        )
        found.update(zip(group, lists, strict=True))
    return [found[page] for page in pages]


async def album_counts(sources: Sources, counts: list[AlbumCount]) -> list[int]:
    found: dict[AlbumCount, int] = {}
    for types, group in grouped(counts, lambda count: count.types):
        rows = await sources.database.by_key(ALBUM_COUNTS, [count.artist_id for count in group], types=types)
        found.update((count, row.total if row else 0) for count, row in zip(group, rows, strict=True))
    return [found[count] for count in counts]


async def top_tracks(sources: Sources, asked_for: list[TopTracks]) -> list[list[Any]]:
    """For each artist the tracks that were played most."""
    found: dict[TopTracks, list[Any]] = {}
    for size, group in grouped(asked_for, lambda top: top.size):
        lists = await sources.database.lists_by_key(TOP_TRACKS, [top.artist_id for top in group], size=size)
        found.update(zip(group, lists, strict=True))
    return [found[top] for top in asked_for]
