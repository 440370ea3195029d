"""Writing the catalogue: statements that add what is missing and bring up to date what is there.

All of them run in the one transaction of `Publication`: readers see an album whole, or as it was.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, func, literal_column, select, text, union_all, update
from sqlalchemy.dialects.postgresql import insert

from datasources.database import Connection, Statement
from datasources.sources import Sources
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
from datasources.tables.ingest import ingested_files, staged_files
from domain.features import profile
from domain.recording import Cover, Recording


def parameters(table: Table, *names: str) -> dict[str, Any]:
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def found_or_added(table: Table) -> Statement:
    """The id of the row with this folded name. The update changes nothing; it makes the row come back."""
    adding = insert(table).values(parameters(table, "name", "name_key"))
    same = adding.on_conflict_do_update(index_elements=["name_key"], set_={"name_key": adding.excluded.name_key})
    return Statement(same.returning(table.c.id))


def ranked_genres(found: Any, limit: int) -> Any:
    """The genres in `found` with their positions: the most frequent first, then as the tags have them."""
    order = func.row_number().over(order_by=[func.count().desc(), func.min(found.c.position), found.c.genre_id])
    ranked = select(found.c.genre_id, (order - 1).label("position")).group_by(found.c.genre_id)
    return ranked.order_by("position").limit(limit).subquery()


def genres_from(link: Table, owner: str, found: Any, limit: int = 10) -> Statement:
    ranked = ranked_genres(found, limit)
    return Statement(
        insert(link).from_select(
            [owner, "genre_id", "position"],
            select(bindparam("owner", type_=link.c[owner].type), ranked.c.genre_id, ranked.c.position),
        )
    )


# One publication at a time over all processes: two that named the same artists in another order would deadlock.
# The number is arbitrary, and ours.
LOCK = Statement(select(func.pg_advisory_xact_lock(5_391_002)))

ARTIST = found_or_added(artists)
GENRE = found_or_added(genres)
ARTWORK = Statement(insert(artworks).values(parameters(artworks, *artworks.c.keys())).on_conflict_do_nothing())

ALBUM_COLUMNS = ("title", "title_key", "artist_id", "release_date", "upc", "artwork_key")
adding_album = insert(albums).values(
    {**parameters(albums, *ALBUM_COLUMNS), "type": "ALBUM", "track_count": 0, "duration_ms": 0}
)
ALBUM = Statement(
    adding_album.on_conflict_do_update(
        index_elements=["artist_id", "title_key"],
        set_={
            name: func.coalesce(adding_album.excluded[name], albums.c[name])
            for name in ("release_date", "upc", "artwork_key")
        },
    ).returning(albums.c.id)
)
ALBUM_TOTALS = Statement(
    select(
        func.count().label("tracks"),
        func.sum(tracks.c.duration_ms).label("duration_ms"),
        func.max(tracks.c.duration_ms).label("longest_ms"),
    ).where(tracks.c.album_id == bindparam("album_id"))
)
ALBUM_COUNTED = Statement(
    update(albums)
    .where(albums.c.id == bindparam("album_id"))
    .values(type=bindparam("kind"), track_count=bindparam("tracks"), duration_ms=bindparam("total_ms"))
)

TRACK_COLUMNS = (
    *("title", "title_key", "album_id", "artist_id", "disc_number", "track_number", "duration_ms", "explicit", "isrc"),
)
adding_track = insert(tracks).values(parameters(tracks, *TRACK_COLUMNS))
TRACK = Statement(
    adding_track.on_conflict_do_update(
        index_elements=["album_id", "disc_number", "track_number", "title_key"],
        set_={
            "title": adding_track.excluded.title,
            "artist_id": adding_track.excluded.artist_id,
            "explicit": adding_track.excluded.explicit,
            "isrc": func.coalesce(adding_track.excluded.isrc, tracks.c.isrc),
        },
    ).returning(tracks.c.id, (literal_column("xmax") == text("0")).label("added"))
)
TRACK_LENGTH = Statement(
    update(tracks).where(tracks.c.id == bindparam("track_id")).values(duration_ms=bindparam("length_ms"))
)
BEST_QUALITY = Statement(
    select(func.max(audio_files.c.quality).label("best")).where(audio_files.c.track_id == bindparam("track_id"))
)
FORGET_AUDIO = Statement(delete(audio_files).where(audio_files.c.track_id == bindparam("track_id")))
AUDIO_COLUMNS = audio_files.c.keys()
AUDIO = Statement(
    insert(audio_files).values(parameters(audio_files, *(c for c in AUDIO_COLUMNS if c not in ("id", "key_id"))))
)
FEATURE_COLUMNS = audio_features.c.keys()
adding_features = insert(audio_features).values(parameters(audio_features, *FEATURE_COLUMNS))
FEATURES = Statement(
    adding_features.on_conflict_do_update(
        index_elements=["track_id"],
        set_={name: adding_features.excluded[name] for name in FEATURE_COLUMNS if name != "track_id"},
    )
)

FORGET_TRACK_GENRES = Statement(delete(track_genres).where(track_genres.c.track_id == bindparam("owner")))
TRACK_GENRE = Statement(
    insert(track_genres).values(parameters(track_genres, *track_genres.c.keys())).on_conflict_do_nothing()
)
FORGET_ALBUM_GENRES = Statement(delete(album_genres).where(album_genres.c.album_id == bindparam("owner")))
ALBUM_GENRES = genres_from(
    album_genres,
    "album_id",
    select(track_genres.c.genre_id, track_genres.c.position)
    .join(tracks, tracks.c.id == track_genres.c.track_id)
    .where(tracks.c.album_id == bindparam("owner", type_=tracks.c.id.type))
    .subquery(),
)
FORGET_ARTIST_GENRES = Statement(delete(artist_genres).where(artist_genres.c.artist_id == bindparam("owner")))
ARTIST_GENRES = genres_from(
    artist_genres,
    "artist_id",
    union_all(
        select(track_genres.c.genre_id, track_genres.c.position)
        .join(tracks, tracks.c.id == track_genres.c.track_id)
        .where(tracks.c.artist_id == bindparam("owner", type_=tracks.c.id.type)),
        # A compilation says nothing of whoever put it together.
        select(album_genres.c.genre_id, album_genres.c.position)
        .join(albums, albums.c.id == album_genres.c.album_id)
        .where(albums.c.artist_id == bindparam("owner", type_=tracks.c.id.type), albums.c.type != "COMPILATION"),
    ).subquery(),
)

INGESTED = Statement(
    insert(ingested_files)
    .values(parameters(ingested_files, "content_hash", "track_id", "quality", "path"))
    .on_conflict_do_nothing()
)
UNSTAGE = Statement(delete(staged_files).where(staged_files.c.content_hash == bindparam("content_hash")))


class Publication:
    """One transaction that brings an album into the catalogue, step by step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def begin(cls, sources: Sources) -> AsyncIterator["Publication"]:
        async with sources.database.transaction() as connection:
            await connection.execute(LOCK)
            yield cls(connection)

    async def artist(self, name: str, key: str) -> UUID:
        return await self._id(ARTIST, name=name, name_key=key)

    async def genre(self, name: str, key: str) -> UUID:
        return await self._id(GENRE, name=name, name_key=key)

    async def album(
        self,
        *,
        title: str,
        title_key: str,
        artist_id: UUID,
        release_date: date | None,
        upc: str | None,
        cover: Cover | None,
    ) -> UUID:
        if cover:
            await self._connection.execute(
                ARTWORK,
                key=cover.key,
                content_type=cover.content_type,
                width=cover.width,
                height=cover.height,
                dominant_color=cover.dominant_color,
            )
        return await self._id(
            ALBUM,
            title=title,
            title_key=title_key,
            artist_id=artist_id,
            release_date=release_date,
            upc=upc,
            artwork_key=cover.key if cover else None,
        )

    async def track(self, recording: Recording, **columns: Any) -> UUID:
        """Add or update a track. Its audio is replaced unless it came from a better source."""
        row = await self._connection.fetch_one(TRACK, duration_ms=recording.duration_ms, **columns)
        assert row is not None
        best = await self._connection.fetch_one(BEST_QUALITY, track_id=row.id)
        if best is None or best.best is None or best.best <= recording.quality:
            await self._replace_audio(row.id, recording)
        return UUID(str(row.id))

    async def _replace_audio(self, track_id: UUID, recording: Recording) -> None:
        await self._connection.execute(TRACK_LENGTH, track_id=track_id, length_ms=recording.duration_ms)
        await self._connection.execute(FORGET_AUDIO, track_id=track_id)
        for rendition in recording.renditions:
            await self._connection.execute(
                AUDIO,
                track_id=track_id,
                quality=int(rendition.quality),
                codec=rendition.codec,
                bitrate_kbps=rendition.bitrate_kbps,
                sample_rate_hz=rendition.sample_rate_hz,
                bit_depth=rendition.bit_depth,
                size_bytes=rendition.size_bytes,
                object_key=rendition.object_key,
                encoder_delay=rendition.encoder_delay,
                padding=rendition.padding,
                total_samples=rendition.total_samples,
            )
        features, loudness = recording.features, recording.loudness
        await self._connection.execute(
            FEATURES,
            track_id=track_id,
            tempo=features.tempo,
            energy=features.energy,
            valence=features.valence,
            danceability=features.danceability,
            acousticness=features.acousticness,
            integrated_lufs=loudness.integrated_lufs if loudness else None,
            true_peak_db=loudness.true_peak_db if loudness else None,
            profile=str(list(profile(features))),
        )

    async def track_genres(self, track_id: UUID, genre_ids: Sequence[UUID]) -> None:
        await self._connection.execute(FORGET_TRACK_GENRES, owner=track_id)
        for position, genre_id in enumerate(genre_ids):
            await self._connection.execute(TRACK_GENRE, track_id=track_id, genre_id=genre_id, position=position)

    async def album_genres(self, album_id: UUID) -> None:
        await self._connection.execute(FORGET_ALBUM_GENRES, owner=album_id)
        await self._connection.execute(ALBUM_GENRES, owner=album_id)

    async def artist_genres(self, artist_id: UUID) -> None:
        await self._connection.execute(FORGET_ARTIST_GENRES, owner=artist_id)
        await self._connection.execute(ARTIST_GENRES, owner=artist_id)

    async def album_totals(self, album_id: UUID) -> Any:
        """Its tracks, and their durations together and at most, in milliseconds."""
        return await self._connection.fetch_one(ALBUM_TOTALS, album_id=album_id)

    async def count_album(self, album_id: UUID, kind: str, tracks: int, duration_ms: int) -> None:
        await self._connection.execute(ALBUM_COUNTED, album_id=album_id, kind=kind, tracks=tracks, total_ms=duration_ms)

    async def done(self, content_hash: bytes, track_id: UUID, recording: Recording, path: str) -> None:
        """The file is in the catalogue: it is not done again, and no longer waits."""
        await self._connection.execute(
            INGESTED, content_hash=content_hash, track_id=track_id, quality=int(recording.quality), path=path
        )
        await self._connection.execute(UNSTAGE, content_hash=content_hash)

    async def _id(self, statement: Statement, **values: Any) -> UUID:
        row = await self._connection.fetch_one(statement, **values)
        assert row is not None
        return UUID(str(row.id))
