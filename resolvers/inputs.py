"""What callers send in one piece: resolvers name these types, so they are declared before the schema is."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry import ID

from domain.ids import parse_id
from domain.library import ChangeType
from domain.playlists import Edit, EditKind

strawberry.enum(EditKind, name="PlaylistEditKind")


@strawberry.input(
    description=(
        "`entryId` may be chosen by the device (a UUID), so that an offline insert can be moved before it is sent. "
        "`afterEntryId` null means first."
    )
)
class PlaylistEditInput:
    kind: EditKind
    entry_id: ID | None = strawberry.UNSET
    track_id: ID | None = strawberry.UNSET
    after_entry_id: ID | None = strawberry.UNSET
    name: str | None = strawberry.UNSET

    def parsed(self) -> Edit:
        """Raises BadInput for an id that is none."""
        return Edit(self.kind, uuid(self.entry_id), uuid(self.track_id), uuid(self.after_entry_id), self.name or None)


def uuid(id: ID | None) -> UUID | None:
    return parse_id(id) if isinstance(id, str) else None


@strawberry.input
class OfflineChangeInput:
    mutation_id: ID = strawberry.field(
        description=(
            "Chosen by the device, unique per library: sending it again changes nothing and returns the first outcome."
        )
    )
    type: ChangeType
    item_id: ID
    occurred_at: datetime
    loved: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="UPDATE only; each field is resolved on its own, an absent field is left alone.",
    )
    rating: int | None = strawberry.UNSET
    playlist_edits: list[PlaylistEditInput] | None = strawberry.field(
        default=strawberry.UNSET, description="UPDATE of a playlist only."
    )
