"""Playlists and what is in them."""

from datetime import datetime

import strawberry

from datasources import catalog as rows
from datasources.library import in_library
from domain.library import Visibility
from domain.playlists import EditKind
from resolvers import playlists
from schema.catalog import Track
from schema.fields import of_listener, one
from schema.node import Node, rows_of
from schema.paging import Connection
from schema.users import User

strawberry.enum(Visibility)


@strawberry.type
class PlaylistEntry:
    id: strawberry.ID
    track: Track | None = one(rows.track_by_id, key="track_id", description="Null when the catalog no longer has it.")
    added_at: datetime


@strawberry.type
class Playlist(Node):
    is_type_of = rows_of(rows.PlaylistRow)

    id: strawberry.ID
    name: str
    description: str | None
    owner: User = one(rows.user_by_id, key="owner_id")
    visibility: Visibility
    revision: int = strawberry.field(description="Grows with every edit.")
    track_count: int
    duration_ms: int
    entries: Connection[PlaylistEntry] = strawberry.field(resolver=playlists.entries)
    in_library: bool = of_listener(in_library)


@strawberry.type(description="An edit inside a playlist. `afterEntryId` null means first.")
class PlaylistEdit:
    kind: EditKind
    entry_id: strawberry.ID | None
    track_id: strawberry.ID | None
    after_entry_id: strawberry.ID | None
    name: str | None


@strawberry.type
class PlaylistsQuery:
    playlist: Playlist | None = strawberry.field(resolver=playlists.playlist)
