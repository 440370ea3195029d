"""The catalogue's batches: keys in, rows out, aligned with the keys, one statement each.

Statements put the key that a row answers into a column called `key`.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Column, Select, Table, func, literal_column, select, union_all

from datasources.database import Row, Statement
from datasources.expressions import IDS, TEXTS, VISIBLE, shown
from datasources.sources import Sources
from datasources.tables.accounts import users
from datasources.tables.catalog import (
    album_genres,
    albums,
    artist_genres,
    artists,
    artworks,
    audio_features,
    audio_files,
    genres,
    track_genres,
    tracks,
)
from datasources.tables.playlists import playlists

Batch = Callable[[Sources, list[Any]], Awaitable[list[Any]]]


class ArtistRow(Row): ...


class AlbumRow(Row): ...


class TrackRow(Row): ...


class GenreRow(Row): ...


class UserRow(Row): ...


class PlaylistRow(Row): ...


class OfListener(NamedTuple):
    """A thing as one listener has or sees it; None is nobody."""

    user_id: UUID | None
    id: UUID


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def grouped(values: Sequence[V], by: Callable[[V], K]) -> list[tuple[K, list[V]]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for value in values:
        groups[by(value)].append(value)
    return list(groups.items())


def with_id(table: Table) -> Select[Any]:
    return select(table.c.id.label("key"), *shown(table)).where(table.c.id == func.any(IDS))


def genres_of(owner: Column[Any]) -> Select[Any]:
    link = owner.table
    return (
        select(owner.label("key"), *shown(genres))
        .join_from(link, genres, genres.c.id == link.c.genre_id)
        .where(owner == func.any(IDS))
        .order_by(owner, link.c.position)
    )


def one_each(statement: Statement) -> Batch:
    """A batch that gives each key its row, or None."""

    async def batch(sources: Sources, keys: list[Any]) -> list[Any]:
        return await sources.database.by_key(statement, keys)

    return batch


def list_each(statement: Statement) -> Batch:
    """A batch that gives each key the list of its rows."""

    async def batch(sources: Sources, keys: list[Any]) -> list[Any]:
        return await sources.database.lists_by_key(statement, keys)

    return batch


artist_by_id = one_each(Statement(with_id(artists), ArtistRow))
album_by_id = one_each(Statement(with_id(albums), AlbumRow))
track_by_id = one_each(Statement(with_id(tracks), TrackRow))
genre_by_id = one_each(Statement(with_id(genres), GenreRow))
# A listener as others see them; the rest of the row is read in datasources/accounts.py, for the listener alone.
user_by_id = one_each(
    Statement(
        select(users.c.id.label("key"), users.c.id, users.c.display_name).where(users.c.id == func.any(IDS)), UserRow
    )
)
artwork_by_key = one_each(Statement(select(artworks).where(artworks.c.key == func.any(TEXTS))))
features_of_track = one_each(
    Statement(
        select(audio_features.c.track_id.label("key"), *shown(audio_features)).where(
            audio_features.c.track_id == func.any(IDS)
        )
    )
)

tracks_of_album = list_each(
    Statement(
        select(tracks.c.album_id.label("key"), *shown(tracks))
        .where(tracks.c.album_id == func.any(IDS))
        .order_by(tracks.c.album_id, tracks.c.disc_number, tracks.c.track_number, tracks.c.title_key),
        TrackRow,
    )
)
tracks_of_isrc = list_each(
    Statement(
        select(tracks.c.isrc.label("key"), *shown(tracks))
        .where(tracks.c.isrc == func.any(TEXTS))
        .order_by(tracks.c.id),
        TrackRow,
    )
)
genres_of_artist = list_each(Statement(genres_of(artist_genres.c.artist_id), GenreRow))
genres_of_album = list_each(Statement(genres_of(album_genres.c.album_id), GenreRow))
genres_of_track = list_each(Statement(genres_of(track_genres.c.track_id), GenreRow))
# Best first: the order in which the graph shows a recording's qualities.
audio_files_of_track = list_each(
    Statement(
        select(audio_files.c.track_id.label("key"), *shown(audio_files))
        .where(audio_files.c.track_id == func.any(IDS))
        .order_by(audio_files.c.track_id, audio_files.c.quality.desc())
    )
)

ALL_GENRES = Statement(select(*shown(genres)).order_by(genres.c.name_key), GenreRow)


async def all_genres(sources: Sources) -> list[Any]:
    return await sources.database.fetch(ALL_GENRES)


PLAYLISTS = Statement(
    select(playlists.c.id.label("key"), *shown(playlists)).where(playlists.c.id == func.any(IDS), VISIBLE),
    PlaylistRow,
)


async def playlist_by_id(sources: Sources, keys: list[OfListener]) -> list[Any]:
    """Playlists as listeners see them; None for those that they do not."""
    found: dict[OfListener, Any] = {}
    for user_id, group in grouped(keys, attrgetter("user_id")):
        rows = await sources.database.by_key(PLAYLISTS, [key.id for key in group], user_id=user_id)
        found.update(zip(group, rows, strict=True))
    return [found[key] for key in keys]


NODES: dict[str, Batch] = {
    "artists": artist_by_id,
    "albums": album_by_id,
    "tracks": track_by_id,
    "genres": genre_by_id,
    "users": user_by_id,
}
"""Whatever `node(id:)` can find and everybody sees, by the name of its table. Playlists have rules of their own."""

TABLES_OF_IDS = Statement(
    union_all(
        *(
            select(table.c.id, literal_column(f"'{table.name}'").label("found_in")).where(table.c.id == func.any(IDS))
            for table in (artists, albums, tracks, genres, users, playlists)
        )
    )
)


async def node_by_id(sources: Sources, keys: list[OfListener]) -> list[Any]:
    """Rows of whatever kind, as far as the listeners see them: one statement finds the tables that the ids are in,
    then one reads each of them."""
    tables: dict[str, list[UUID]] = {}
    for row in await sources.database.fetch(TABLES_OF_IDS, keys=[key.id for key in keys]):
        tables.setdefault(row.found_in, []).append(row.id)
    theirs = set(tables.pop(playlists.name, ()))
    found = {row.id: row for name, ids in tables.items() for row in await NODES[name](sources, ids)}
    seen = [key for key in keys if key.id in theirs]
    visible = dict(zip(seen, await playlist_by_id(sources, seen), strict=True)) if seen else {}
    return [visible[key] if key in visible else found.get(key.id) for key in keys]
