"""Playlists: making, editing, showing and deleting them."""

from typing import Any
from uuid import UUID

import strawberry
from strawberry import ID

from datasources import catalog, playlist_edits
from datasources.catalog import OfListener
from datasources.library_edits import LibraryEdit
from datasources.playlist_entries import EntryPage, entry_pages
from domain.accounts import PERMISSIONS, Permission
from domain.errors import BadInput, NotAllowed, NotFound
from domain.ids import parse_id
from domain.library import ChangeType, LibraryItemType, Visibility
from domain.paging import connection, decode_cursor, encode_cursor, page_size
from domain.playlists import EDITS_LIMIT, check_description, check_edits, check_playlist_name
from domain.sync import Change
from resolvers.catalog import there
from resolvers.context import Info
from resolvers.deltas import LibraryDelta
from resolvers.inputs import PlaylistEditInput
from resolvers.library import done, edit


async def playlist(info: Info, id: ID) -> Any:
    key = OfListener(await info.context.listener(), parse_id(id))
    return there(await info.context.load(catalog.playlist_by_id, key), "playlist", id)


async def entries(root: Any, info: Info, first: int | None = 100, after: str | None = strawberry.UNSET) -> Any:
    """A page of what is in the playlist, in its order."""
    size = page_size(first, default=100)
    position = decode_cursor(after, "entries", tuple[UUID])[0] if isinstance(after, str) else None
    rows = await info.context.load(entry_pages, EntryPage(root.id, position, size))
    if rows is None:
        raise BadInput("`after` names an entry that this playlist no longer knows; begin with the first page again.")
    cursors = [encode_cursor("entries", str(row.id)) for row in rows]
    return connection(rows, cursors, size=size, after=after, count=as_it_is, counted=root.track_count)


async def as_it_is(_: Any, counts: list[int]) -> list[int]:
    """A playlist knows how many entries it has."""
    return counts


async def create_playlist(
    info: Info, name: str, description: str | None = strawberry.UNSET, track_ids: list[ID] | None = strawberry.UNSET
) -> Any:
    """A new playlist of the listener's own, private, in their library."""
    shown = check_playlist_name(name)
    told = check_description(description) if isinstance(description, str) else None
    tracks = [parse_id(id) for id in track_ids] if isinstance(track_ids, list) else []
    if len(tracks) > EDITS_LIMIT:
        raise BadInput(f"A playlist begins with at most {EDITS_LIMIT:,} tracks. Add the others with `editPlaylist`.")
    async with edit(info) as library:
        id = await playlist_edits.add_playlist(library, shown, told, tracks)
    return await info.context.load(catalog.playlist_by_id, OfListener(library.user_id, id))


async def edit_playlist(info: Info, id: ID, edits: list[PlaylistEditInput]) -> Any:
    key, parsed = parse_id(id), tuple(each.parsed() for each in edits)
    check_edits(parsed)
    async with edit(info) as library:
        await own(library, key)
        if parsed:
            change = Change(ChangeType.UPDATE, key, library.clock(), edits=parsed)
            await playlist_edits.edit_playlist(library, change)
    return await info.context.load(catalog.playlist_by_id, OfListener(library.user_id, key))


async def set_playlist_visibility(info: Info, id: ID, visibility: Visibility) -> Any:
    key = parse_id(id)
    session = await info.context.signed_in()
    if visibility is Visibility.PUBLIC and Permission.PLAYLIST_PUBLIC not in PERMISSIONS[session.role]:
        raise NotAllowed(
            f"Public playlists need the permission {Permission.PLAYLIST_PUBLIC.value}, "
            f"which {session.role.value} does not have."
        )
    async with edit(info) as library:
        await own(library, key)
        await playlist_edits.show_playlist(library, key, visibility)
    return await info.context.load(catalog.playlist_by_id, OfListener(library.user_id, key))


async def delete_playlist(info: Info, id: ID) -> LibraryDelta:
    key = parse_id(id)
    async with edit(info) as library:
        await own(library, key)
        library.apply(Change(ChangeType.REMOVE, key, library.clock()))
    return done(library)


async def own(library: LibraryEdit, id: UUID) -> None:
    """See that a playlist is the listener's own. Raises NotFound, or NotAllowed for somebody else's public one."""
    await library.load([id])
    thing = library.things.get(id)
    if thing is None or thing.type is not LibraryItemType.PLAYLIST:
        raise NotFound(f"There is no playlist with the id {id}.")
    if not library.owns(id):
        raise NotAllowed("This playlist is somebody else's. Its tracks can be put into one of your own.")
