"""The library: what is in it, putting things in and taking them out, following artists, and the live stream."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import ID

from datasources import catalog, library
from datasources.catalog import OfListener
from datasources.library import FIRST_TITLE, NEWEST, Added, ItemCount, ItemPage, KindPage, Titled
from datasources.library_edits import LibraryEdit
from datasources.library_history import History, read_history
from datasources.metrics import LIBRARY_OPERATIONS, SYNC_LAG
from domain.errors import BadInput, NotFound
from domain.ids import parse_id
from domain.library import ChangeType, LibraryItemType, LibraryOrder
from domain.paging import connection, decode_cursor, encode_cursor, page_size
from domain.sync import RATINGS, Change
from domain.sync_tokens import SyncToken, decode_token, encode_token
from resolvers.context import Info
from resolvers.deltas import LibraryDelta, delta
from resolvers.live import Step, follow

IDS_LIMIT = 1000
"""Of one call. Whoever has more to say says it in several, or through `syncLibrary`."""
CHANGES_LIMIT = 1000
"""Of one delta."""
STREAM_SIZE = 500
"""Changes of one pushed delta."""


def sync_token(root: Any) -> SyncToken:
    return encode_token(root.head, root.token_key)


async def items(
    root: Any,
    info: Info,
    types: list[LibraryItemType] | None = strawberry.UNSET,
    order: LibraryOrder | None = LibraryOrder.RECENTLY_ADDED,
    first: int | None = 20,
    after: str | None = strawberry.UNSET,
) -> Any:
    """A page of what is in the library."""
    size, order = page_size(first), order or LibraryOrder.RECENTLY_ADDED
    start: Added | Titled = NEWEST if order is LibraryOrder.RECENTLY_ADDED else FIRST_TITLE
    position = decode_cursor(after, order.value, type(start)) if isinstance(after, str) else start
    named = tuple(sorted(kind.value for kind in (set(types) if isinstance(types, list) else LibraryItemType)))
    rows = await info.context.load(library.item_pages, ItemPage(root.user_id, named, position, size))
    return connection(
        rows,
        [
            encode_cursor(order.value, row.added_at if isinstance(start, Added) else row.title_key, str(row.id))
            for row in rows
        ],
        size=size,
        after=after,
        count=library.item_counts,
        counted=ItemCount(root.user_id, named),
    )


async def playlists(root: Any, info: Info, first: int | None = 20, after: str | None = strawberry.UNSET) -> Any:
    """A page of the playlists in the library: the listener's own, and those of others that were added."""
    return await newest(
        info, library.library_playlists, root.user_id, first, after, library.playlist_counts, root.user_id
    )


async def following(root: Any, info: Info, first: int | None = 20, after: str | None = strawberry.UNSET) -> Any:
    """A page of the artists that the listener follows: those in their library."""
    counted = ItemCount(root.id, (LibraryItemType.ARTIST.value,))
    return await newest(info, library.followed_artists, root.id, first, after, library.item_counts, counted)


async def newest(
    info: Info, pages: catalog.Batch, user_id: UUID, first: int | None, after: str | None, count: Any, counted: Any
) -> Any:
    """A page of things of one kind, those first that came last."""
    size = page_size(first)
    position = decode_cursor(after, "added", Added) if isinstance(after, str) else NEWEST
    rows = await info.context.load(pages, KindPage(user_id, position, size))
    cursors = [encode_cursor("added", row.added_to_library, str(row.id)) for row in rows]
    return connection(rows, cursors, size=size, after=after, count=count, counted=counted)


async def node_of_item(root: Any, info: Info) -> Any:
    """The thing itself; None when the catalogue no longer has it, or its owner keeps it to themselves."""
    match LibraryItemType(root.type):
        case LibraryItemType.TRACK:
            return await info.context.load(catalog.track_by_id, root.id)
        case LibraryItemType.ALBUM:
            return await info.context.load(catalog.album_by_id, root.id)
        case LibraryItemType.ARTIST:
            return await info.context.load(catalog.artist_by_id, root.id)
        case LibraryItemType.PLAYLIST:
            return await info.context.load(catalog.playlist_by_id, OfListener(await info.context.listener(), root.id))


async def changes(root: Any, info: Info, since: SyncToken, first: int | None = 500) -> LibraryDelta:
    """What changed after a position."""
    size = changes_size(first)
    position = decode_token(since).verified(root.token_key)
    return delta(await read_history(info.context.sources.database, root.user_id, position, size))


def changes_size(first: int | None) -> int:
    size = 500 if first is None else first
    if not 1 <= size <= CHANGES_LIMIT:
        raise BadInput(f"`first` must be between 1 and {CHANGES_LIMIT:,}; it is {size}.")
    return size


@asynccontextmanager
async def edit(info: Info, moments: int = 1) -> AsyncIterator[LibraryEdit]:
    """Change the library of whoever asks: everything in the block, or nothing."""
    session = await info.context.signed_in()
    async with info.context.sources.library.edit(session.user_id, moments) as editing:
        yield editing
    info.context.forget()
    for change in editing.changes:
        LIBRARY_OPERATIONS.labels(change.change_type, change.item_type).inc()


def done(editing: LibraryEdit) -> LibraryDelta:
    """What an edit changed. It follows on the head before, which is where a device that has heard all stands."""
    return delta(History(editing.token_key, editing.since, editing.head, editing.changes))


async def library_changed(info: Info, since: SyncToken | None = strawberry.UNSET) -> AsyncGenerator[LibraryDelta, None]:
    """What changed after `since`, and then every change as it commits."""
    user_id = (await info.context.signed_in()).user_id
    row = await info.context.load(library.library_by_user, user_id)
    position = decode_token(since).verified(row.token_key) if isinstance(since, str) else row.head
    started = datetime.now(UTC)

    async def read(seen: int) -> Step:
        history = await read_history(info.context.sources.database, user_id, seen, STREAM_SIZE)
        if history.changes and (at := history.changes[-1].created_at) > started:
            SYNC_LAG.observe(max(0.0, (datetime.now(UTC) - at).total_seconds()))
        news = history.changes or history.must_refresh
        return Step(delta(history) if news else None, history.position, history.has_more)

    async with aclosing(follow(info, info.context.sources.library_bell, position, read)) as deltas:
        async for each in deltas:
            yield each


async def add_to_library(info: Info, ids: list[ID]) -> LibraryDelta:
    keys = parse_ids(ids)
    async with edit(info) as editing:
        await editing.load(keys)
        for key in keys:
            if key not in editing.things:
                raise NotFound(f"There is nothing with the id {key} to add; nothing was added.")
            editing.apply(Change(ChangeType.ADD, key, editing.clock()))
    return done(editing)


async def remove_from_library(info: Info, ids: list[ID]) -> LibraryDelta:
    """Take things away. What is not there needs no taking away, so unknown ids are no error."""
    keys = parse_ids(ids)
    async with edit(info) as editing:
        await editing.load(keys)
        for key in keys:
            editing.apply(Change(ChangeType.REMOVE, key, editing.clock()))
    return done(editing)


async def update_library_item(
    info: Info, id: ID, loved: bool | None = strawberry.UNSET, rating: int | None = strawberry.UNSET
) -> LibraryDelta:
    key, fields = parse_id(id), given_fields(loved, rating)
    if not fields:
        raise BadInput("Say what to update: `loved`, `rating` or both.")
    if fields.get("rating") is not None and fields["rating"] not in RATINGS:
        raise BadInput(f"`rating` is 1 to 5, or null for none; it is {fields['rating']}.")
    async with edit(info) as editing:
        await editing.load([key])
        item = editing.items[key]
        if item is None or not item.present:
            raise NotFound(f"There is nothing with the id {id} in your library. Add it first: `addToLibrary`.")
        if key not in editing.things:
            raise NotFound(f"What has the id {id} is not available any more. It can only be removed.")
        editing.apply(Change(ChangeType.UPDATE, key, editing.clock(), fields))
    return done(editing)


def given_fields(loved: bool | None, rating: int | None) -> dict[str, Any]:
    """The fields that a caller named. A null rating takes the rating away; a null loved says nothing."""
    fields: dict[str, Any] = {}
    if isinstance(loved, bool):
        fields["loved"] = loved
    if rating is not strawberry.UNSET:
        fields["rating"] = rating
    return fields


async def follow_artist(info: Info, id: ID) -> Any:
    """Following an artist is having them in the library: it reaches every device the same way."""
    return await set_followed(info, id, ChangeType.ADD)


async def unfollow_artist(info: Info, id: ID) -> Any:
    return await set_followed(info, id, ChangeType.REMOVE)


async def set_followed(info: Info, id: ID, change: ChangeType) -> Any:
    key = parse_id(id)
    async with edit(info) as editing:
        await editing.load([key])
        if key not in editing.things or editing.things[key].type is not LibraryItemType.ARTIST:
            raise NotFound(f"There is no artist with the id {id}.")
        editing.apply(Change(change, key, editing.clock()))
    return await info.context.load(catalog.artist_by_id, key)


def parse_ids(ids: list[ID]) -> list[UUID]:
    if len(ids) > IDS_LIMIT:
        raise BadInput(f"`ids` holds at most {IDS_LIMIT:,} ids; it holds {len(ids):,}. Send them in several requests.")
    return [parse_id(id) for id in ids]
