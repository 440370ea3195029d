"""Listeners who are signed in, and music for their libraries, put straight into the stores."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert, literal, select

from datasources.accounts import add_user
from datasources.database import Statement
from datasources.library_edits import LibraryEdit
from datasources.records import rows_from
from datasources.sources import Sources
from datasources.tables.catalog import albums, artists, tracks
from domain.ids import new_id
from domain.library import ChangeType
from domain.sync import Change
from domain.sync_tokens import SyncToken, encode_token

ARTIST_COLUMNS = [artists.c.id, artists.c.name, artists.c.name_key]
ALBUM_COLUMNS = [albums.c.id, albums.c.title, albums.c.title_key, albums.c.artist_id, albums.c.track_count]
TRACK_COLUMNS = [tracks.c.id, tracks.c.title, tracks.c.title_key, tracks.c.artist_id, tracks.c.album_id]
TRACK_COLUMNS += [tracks.c.disc_number, tracks.c.track_number]
ADD_ARTIST = Statement(
    insert(artists).from_select([each.name for each in ARTIST_COLUMNS], select(rows_from(ARTIST_COLUMNS)))
)
ADD_ALBUM = Statement(
    insert(albums).from_select(
        [*(each.name for each in ALBUM_COLUMNS), "type", "duration_ms"],
        select(*rows_from(ALBUM_COLUMNS).c, literal("ALBUM"), literal(0)),
    )
)
ADD_TRACKS = Statement(
    insert(tracks).from_select(
        [*(each.name for each in TRACK_COLUMNS), "duration_ms", "explicit"],
        select(*rows_from(TRACK_COLUMNS).c, literal(180_000), literal(False)),
    )
)
ALBUM_SIZE = 1_000
NO_PASSWORD = "!"
"""A hash that no password has. Hashing thousands would take longer than what is measured."""


class Listener(NamedTuple):
    user_id: UUID
    session: str
    """The token of their session."""


async def add_listener(sources: Sources, tier: str = "FREE", role: str = "USER") -> Listener:
    name = f"listener-{new_id().hex}"
    user = await add_user(
        sources, username=name, username_key=name, display_name=name, password_hash=NO_PASSWORD, tier=tier, role=role
    )
    assert user is not None
    token, _ = await sources.sessions.start(user, "benchmark")
    return Listener(user.id, token)


async def add_tracks(sources: Sources, count: int) -> list[UUID]:
    """The ids of new tracks, in albums of a thousand."""
    artist, added = str(new_id()), []
    row = {"id": artist, "name": artist, "name_key": artist}
    await sources.database.fetch(ADD_ARTIST, rows=[row])
    for start in range(0, count, ALBUM_SIZE):
        album, ids = str(new_id()), [new_id() for _ in range(start, min(start + ALBUM_SIZE, count))]
        row = {"id": album, "title": album, "title_key": album, "artist_id": artist}
        await sources.database.fetch(ADD_ALBUM, rows=[row | {"track_count": len(ids)}])
        rows = [
            {
                "id": str(id),
                "title": f"Track {id}",
                # By its random end, so that the order of titles is not that of adding.
                "title_key": id.hex[::-1],
                "artist_id": artist,
                "album_id": album,
                "disc_number": 1,
                "track_number": number,
            }
            for number, id in enumerate(ids, start=1)
        ]
        await sources.database.fetch(ADD_TRACKS, rows=rows)
        added += ids
    return added


async def turn(sources: Sources, listener: Listener, track: UUID) -> LibraryEdit:
    """Put a track into a library, or take it out where it is in: one change, committed when this returns."""
    async with sources.library.edit(listener.user_id) as edit:
        await edit.load([track])
        item = edit.items[track]
        kind = ChangeType.REMOVE if item and item.present else ChangeType.ADD
        edit.apply(Change(kind, track, edit.clock()))
    return edit


def token_of(edit: LibraryEdit) -> SyncToken:
    """Where a device stands that has everything up to this edit."""
    return encode_token(edit.head, edit.token_key)
