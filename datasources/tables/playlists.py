"""Playlists and what is in them. `domain/playlists.py` says how edits merge."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Double, Index, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from datasources.tables.columns import created_now, defaults_to, primary_id, reference, table


class Playlist(SQLModel, table=True):
    """Changed by its owner alone, who holds the lock of their library. The counts are kept by the same transaction."""

    __tablename__ = "playlists"

    id: UUID = primary_id()
    owner_id: UUID = reference("users.id", index=True)
    name: str
    description: str | None = None
    visibility: str
    revision: int = defaults_to("1")
    track_count: int = defaults_to("0")
    duration_ms: int = defaults_to("0", sa_type=BigInteger)
    renamed: list[Any] = Field(sa_type=JSONB)
    """The clock of its name."""
    created_at: datetime = created_now()


class PlaylistEntry(SQLModel, table=True):
    """A track at a place. A removed entry is remembered for a while, so that nothing late brings it back."""

    __tablename__ = "playlist_entries"
    __table_args__ = (
        Index(
            "playlist_entries_in_order",
            "playlist_id",
            "position",
            "entry_id",
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("playlist_entries_removed", "removed_at", postgresql_where=text("removed_at IS NOT NULL")),
    )

    playlist_id: UUID = reference("playlists.id", primary_key=True)
    entry_id: UUID = Field(sa_type=Uuid, primary_key=True)
    """Chosen by the device that made it: unique in its playlist only."""
    track_id: UUID = Field(sa_type=Uuid)
    """No foreign key: an entry outlives its track."""
    position: float = Field(sa_type=Double)
    duration_ms: int
    """The track's, when it was put here: what the playlist's sum gets back when it goes."""
    added_at: datetime = Field(sa_type=DateTime(timezone=True))
    placed: list[Any] = Field(sa_type=JSONB)
    """The clock of its place: of the insert or the last move."""
    removed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


playlists, playlist_entries = table(Playlist), table(PlaylistEntry)
