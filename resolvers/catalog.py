"""The catalogue's entry points and its paged lists. Plain relations need no resolver: they are declared in schema/."""

import asyncio
from typing import Any

import strawberry
from strawberry import ID

from datasources import catalog, discography
from datasources.catalog import OfListener
from datasources.discography import START, UNDATED, AlbumCount, AlbumPage, Position, TopTracks
from domain.catalog import AlbumType
from domain.errors import BadInput, NotFound
from domain.ids import parse_id
from domain.metadata import parse_isrc
from domain.paging import connection, decode_cursor, encode_cursor, page_size
from resolvers.context import Info

NODES_LIMIT = 100


async def artist(info: Info, id: ID) -> Any:
    return await known(info, catalog.artist_by_id, "artist", id)


async def album(info: Info, id: ID) -> Any:
    return await known(info, catalog.album_by_id, "album", id)


async def track(info: Info, id: ID) -> Any:
    return await known(info, catalog.track_by_id, "track", id)


async def node(info: Info, id: ID) -> Any:
    key = OfListener(await info.context.listener(), parse_id(id))
    return there(await info.context.load(catalog.node_by_id, key), "thing", id)


async def known(info: Info, batch: catalog.Batch, noun: str, id: ID) -> Any:
    """The row of an id that a caller sent. Raises BadInput for what is not an id, NotFound for nobody's."""
    return there(await info.context.load(batch, parse_id(id)), noun, id)


def there(row: Any | None, noun: str, id: ID) -> Any:
    if row is None:
        raise NotFound(f"There is no {noun} with the id {id}.")
    return row


async def nodes(info: Info, ids: list[ID]) -> list[Any]:
    """What the ids name, aligned with them. An id that names nothing is null, with a NOT_FOUND at its place."""
    if len(ids) > NODES_LIMIT:
        raise BadInput(f"`ids` holds at most {NODES_LIMIT} ids; it holds {len(ids)}. Ask in several requests.")
    listener = await info.context.listener()
    keys = [OfListener(listener, parse_id(id)) for id in ids]
    rows = await asyncio.gather(*(info.context.load(catalog.node_by_id, key) for key in keys))
    return [
        NotFound(f"There is no thing with the id {id}.") if row is None else row
        for id, row in zip(ids, rows, strict=True)
    ]


async def tracks_by_isrc(info: Info, isrc: str) -> list[Any]:
    code = parse_isrc(isrc)
    if code is None:
        raise BadInput(f"{isrc[:60]!r} is not an ISRC: 2 letters, 3 letters or digits, 7 digits, as in GBAYE7500101.")
    return list(await info.context.load(catalog.tracks_of_isrc, code))


async def genres(info: Info) -> list[Any]:
    return await catalog.all_genres(info.context.sources)


async def albums_of_artist(
    root: Any,
    info: Info,
    types: list[AlbumType] | None = strawberry.UNSET,
    first: int | None = 20,
    after: str | None = strawberry.UNSET,
) -> Any:
    """A page of the artist's albums, newest first."""
    size = page_size(first)
    position = decode_cursor(after, "albums", Position) if isinstance(after, str) else START
    named = tuple(sorted(kind.value for kind in (set(types) if isinstance(types, list) else AlbumType)))
    rows = await info.context.load(discography.album_pages, AlbumPage(root.id, named, position, size))
    return connection(
        rows,
        [encode_cursor("albums", row.release_date or UNDATED, str(row.id)) for row in rows],
        size=size,
        after=after,
        count=discography.album_counts,
        counted=AlbumCount(root.id, named),
    )


async def top_tracks_of_artist(root: Any, info: Info, first: int | None = 10) -> list[Any]:
    size = page_size(first, default=10)
    return list(await info.context.load(discography.top_tracks, TopTracks(root.id, size)))
