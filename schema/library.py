"""The library, its history, and what devices hand in and are told."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from domain.accounts import Permission
from domain.library import ChangeType, LibraryItemType, LibraryOrder
from domain.limits import LimitClass
from domain.sync import RejectReason, SyncStatus
from domain.sync_tokens import SyncToken
from resolvers import library, playlists, sync
from schema.catalog import Album, Artist, Track
from schema.fields import guarded, pure
from schema.paging import Connection
from schema.playlists import Playlist, PlaylistEdit

strawberry.enum(LibraryItemType)
strawberry.enum(LibraryOrder)
strawberry.enum(ChangeType)
strawberry.enum(SyncStatus)
strawberry.enum(RejectReason)

LibraryNode = Annotated[Track | Album | Playlist | Artist, strawberry.union("LibraryNode")]


@strawberry.type
class LibraryItem:
    id: strawberry.ID = strawberry.field(description="The id of the thing that was added.")
    type: LibraryItemType
    node: LibraryNode | None = strawberry.field(
        resolver=library.node_of_item, description="Null when the catalog no longer has it."
    )
    added_at: datetime
    updated_at: datetime
    loved: bool
    rating: int | None = strawberry.field(description="1..5, or null.")


@strawberry.type
class LibraryChange:
    sync_token: SyncToken
    type: ChangeType
    item_type: LibraryItemType
    item_id: strawberry.ID
    item: LibraryItem | None = strawberry.field(description="The item as it is after the change; null for REMOVE.")
    playlist_edits: list[PlaylistEdit] = strawberry.field(
        description="For changes inside a playlist: the edits, to be applied in order."
    )
    playlist_revision: int | None = strawberry.field(
        description=(
            "For changes inside a playlist: its revision with the edits. A device that holds the entries of this "
            "revision or a later one has the edits already."
        )
    )
    occurred_at: datetime = strawberry.field(
        description="When the listener did it, by the device's clock, never later than the server's."
    )


@strawberry.type(description="One shape for every way that changes travel: pulled, pushed, and returned by mutations.")
class LibraryDelta:
    since: SyncToken = strawberry.field(
        description=(
            "The position that `changes` follow on. A device that stands elsewhere keeps its own token, and asks for "
            "the changes after that."
        )
    )
    sync_token: SyncToken = strawberry.field(
        description="Where the device stands once it has applied `changes`; pass it back as `since`."
    )
    changes: list[LibraryChange]
    has_more: bool = strawberry.field(description="More changes wait behind `syncToken`.")
    must_refresh: bool = strawberry.field(
        description=(
            "The token is older than the history kept (90 days), or unknown: reload through `library.items`, then go "
            "on from `syncToken`."
        )
    )


@strawberry.type
class Library:
    sync_token: SyncToken = pure(library.sync_token)
    items: Connection[LibraryItem] = strawberry.field(resolver=library.items)
    playlists: Connection[Playlist] = strawberry.field(resolver=library.playlists)
    changes: LibraryDelta = strawberry.field(
        resolver=library.changes,
        description="What changed after `since`, oldest first; at most `first` (1..1000) changes.",
    )


@strawberry.type
class SyncOutcome:
    mutation_id: strawberry.ID
    status: SyncStatus
    reason: RejectReason | None
    server_state: LibraryItem | None = strawberry.field(
        description="What the server holds now, for the device to adopt when REJECTED; null when it holds nothing."
    )


@strawberry.type
class SyncResult:
    outcomes: list[SyncOutcome] = strawberry.field(description="One for each change sent, in the order sent.")
    delta: LibraryDelta = strawberry.field(
        description=(
            "What others changed since the token, without the changes just applied; `syncToken` covers both. They "
            "are in it all the same where others changed the same item or the delta has more, for then the order "
            "counts, and where they edited a playlist, for the edits are normalised."
        )
    )


def changing(resolver: Callable[..., Any], description: str | None = None) -> Any:
    """A field that changes the library of whoever asks."""
    return guarded(resolver, needs=Permission.LIBRARY_OWN, costs=LimitClass.LIBRARY, description=description)


@strawberry.type
class LibraryMutation:
    add_to_library: LibraryDelta = changing(library.add_to_library)
    remove_from_library: LibraryDelta = changing(library.remove_from_library)
    update_library_item: LibraryDelta = changing(library.update_library_item)
    sync_library: SyncResult = changing(
        sync.sync_library,
        "What a device does when it comes back: hand in what was done offline, take what others did.",
    )
    create_playlist: Playlist = changing(playlists.create_playlist)
    edit_playlist: Playlist = changing(playlists.edit_playlist)
    set_playlist_visibility: Playlist = changing(
        playlists.set_playlist_visibility, "PUBLIC needs the permission playlist:public."
    )
    delete_playlist: LibraryDelta = changing(playlists.delete_playlist)
    follow_artist: Artist = changing(library.follow_artist)
    unfollow_artist: Artist = changing(library.unfollow_artist)


@strawberry.type
class LibrarySubscription:
    library_changed: AsyncGenerator[LibraryDelta, None] = strawberry.subscription(  # type: ignore[assignment]
        resolver=library.library_changed,
        description=(
            "First what changed after `since` (nothing when null), then every change as it commits, in token order, "
            "none lost and none twice on one socket. Ends with UNAUTHENTICATED when the session is revoked."
        ),
    )
