"""Changing playlists inside an edit of their owner's library, which holds the lock and writes the history."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from datasources.database import Statement
from datasources.expressions import IDS
from datasources.library_edits import Inside, LibraryEdit, Thing, clock_from
from datasources.playlist_entries import known_entries, write_view
from datasources.tables.catalog import tracks
from datasources.tables.playlists import playlists
from domain.ids import new_id
from domain.library import ChangeType, LibraryItemType, Visibility
from domain.playlist_views import View
from domain.playlists import Edit, EditKind, inserted_tracks, merge, names
from domain.playlists import Merged as MergedEdits
from domain.sync import Change, Edits, Merged

ID = bindparam("playlist_id", type_=Uuid)
ADD = Statement(
    insert(playlists).values(
        id=ID,
        owner_id=bindparam("owner_id"),
        name=bindparam("name"),
        description=bindparam("description"),
        visibility=Visibility.PRIVATE.value,
        renamed=bindparam("renamed", type_=JSONB),
    )
)
READ = Statement(select(playlists).where(playlists.c.id == ID))
WRITE = Statement(
    update(playlists)
    .where(playlists.c.id == ID)
    .values(
        {
            name: bindparam(f"new_{name}", type_=playlists.c[name].type)
            for name in ("name", "renamed", "revision", "track_count", "duration_ms")
        }
    )
)
SHOW = Statement(
    update(playlists)
    .where(playlists.c.id == ID, playlists.c.visibility != bindparam("new_visibility"))
    .values(visibility=bindparam("new_visibility"), revision=playlists.c.revision + 1)
    .returning(playlists.c.revision)
)
DURATIONS = Statement(select(tracks.c.id, tracks.c.duration_ms).where(tracks.c.id == func.any(IDS)))


class PlaylistEdit:
    """One playlist of the library's listener. Batches of edits are merged in memory; `write` writes them together."""

    def __init__(self, library: LibraryEdit, id: UUID, revision: int, view: View, durations: dict[UUID, int]) -> None:
        self._library = library
        self._id = id
        self._revision = revision
        self._view = view
        self._durations = durations

    @classmethod
    async def open(cls, library: LibraryEdit, id: UUID, edits: Sequence[Edit]) -> "PlaylistEdit":
        """The playlist, ready for all of these edits, in whatever batches."""
        connection = library.connection
        row = await connection.fetch_one(READ, playlist_id=id)
        assert row is not None
        view = View.of(
            await known_entries(connection, id, names(edits)),
            name=row.name,
            renamed=clock_from(row.renamed),
            track_count=row.track_count,
            duration_ms=row.duration_ms,
        )
        return cls(library, id, row.revision, view, await durations_of(library, edits))

    def apply(self, change: Change) -> Merged:
        """Merge a change that has edits, and maybe fields. Raises BadInput, NotFound and Conflict."""
        merged = merge(self._view, change.edits, change.clock, now=self._library.now, durations=self._durations)
        edits = merged.edits
        if change.type is ChangeType.ADD:
            edits = [Edit(EditKind.RENAME, name=self._view.name), *edits]
        self._revision += 1 if edits else 0
        self._library.things[self._id] = self._library.things[self._id]._replace(title=self._view.name)
        return self._library.apply(
            change, Inside(became(edits, merged), [stored(edit) for edit in edits], self._revision)
        )

    async def write(self) -> None:
        """Write what was merged."""
        connection = self._library.connection
        await write_view(connection, self._id, self._view)
        await connection.execute(
            WRITE,
            playlist_id=self._id,
            new_name=self._view.name,
            new_renamed=self._view.renamed,
            new_revision=self._revision,
            new_track_count=self._view.track_count,
            new_duration_ms=self._view.duration_ms,
        )


async def edit_playlist(library: LibraryEdit, change: Change) -> Merged:
    """Apply one change with edits to a playlist that the listener owns. Raises BadInput, NotFound and Conflict."""
    playlist = await PlaylistEdit.open(library, change.item_id, change.edits)
    merged = playlist.apply(change)
    await playlist.write()
    return merged


async def add_playlist(library: LibraryEdit, name: str, description: str | None, track_ids: Sequence[UUID]) -> UUID:
    """A new private playlist in its listener's library; its id. Raises NotFound for an unknown track."""
    id, clock = new_id(), library.clock()
    entry_ids = [new_id() for _ in track_ids]
    inserts = [
        Edit(EditKind.INSERT, entry, track, after)
        for entry, track, after in zip(entry_ids, track_ids, [None, *entry_ids], strict=False)
    ]
    await library.connection.execute(
        ADD, playlist_id=id, owner_id=library.user_id, name=name, description=description, renamed=clock
    )
    view = View.of((), name=name, renamed=clock, track_count=0, duration_ms=0)
    library.things[id] = Thing(LibraryItemType.PLAYLIST, name, library.user_id)
    library.items[id] = None
    playlist = PlaylistEdit(library, id, 0, view, await durations_of(library, inserts))
    playlist.apply(Change(ChangeType.ADD, id, clock, edits=tuple(inserts)))
    await playlist.write()
    return id


async def show_playlist(library: LibraryEdit, id: UUID, visibility: Visibility) -> None:
    """Make a playlist of the listener's own public or private."""
    row = await library.connection.fetch_one(SHOW, playlist_id=id, new_visibility=visibility.value)
    if row is not None:
        library.apply(Change(ChangeType.UPDATE, id, library.clock()), Inside(Edits.SEEN, (), row.revision))


async def durations_of(library: LibraryEdit, edits: Sequence[Edit]) -> dict[UUID, int]:
    wanted = inserted_tracks(edits)
    if not wanted:
        return {}
    return {row.id: row.duration_ms for row in await library.connection.fetch(DURATIONS, keys=list(wanted))}


def became(seen: Sequence[Edit], merged: MergedEdits) -> Edits:
    if seen:
        return Edits.SEEN
    if merged.won:
        return Edits.UNSEEN
    return Edits.BEATEN if merged.beaten else Edits.NONE


def stored(edit: Edit) -> dict[str, Any]:
    """An edit as the history keeps it."""
    return {
        "kind": edit.kind,
        "entry_id": edit.entry_id,
        "track_id": edit.track_id,
        "after_entry_id": edit.after,
        "name": edit.name,
    }
