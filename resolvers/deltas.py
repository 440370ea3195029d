"""Deltas: the one shape in which changes travel, whether pulled, pushed or returned by a mutation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from datasources.library_history import History
from domain.sync import Item
from domain.sync_tokens import SyncToken, encode_token


@dataclass(frozen=True, slots=True)
class LibraryItem:
    """An item as it was at some moment."""

    id: UUID
    type: str
    added_at: datetime
    updated_at: datetime
    loved: bool
    rating: int | None


@dataclass(frozen=True, slots=True)
class PlaylistEdit:
    kind: str
    entry_id: str | None
    track_id: str | None
    after_entry_id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class LibraryChange:
    sync_token: SyncToken
    type: str
    item_type: str
    item_id: UUID
    item: LibraryItem | None
    playlist_edits: Sequence[PlaylistEdit]
    playlist_revision: int | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class LibraryDelta:
    since: SyncToken
    sync_token: SyncToken
    changes: Sequence[LibraryChange]
    has_more: bool
    must_refresh: bool


def delta(history: History) -> LibraryDelta:
    key = history.token_key
    return LibraryDelta(
        since=encode_token(history.since, key),
        sync_token=encode_token(history.position, key),
        changes=[told(change, key) for change in history.changes],
        has_more=history.has_more,
        must_refresh=history.must_refresh,
    )


def told(change: Any, key: UUID) -> LibraryChange:
    """A row of library_changes as devices are told it."""
    item = change.data["item"]
    return LibraryChange(
        sync_token=encode_token(change.sync_token, key),
        type=change.change_type,
        item_type=change.item_type,
        item_id=change.item_id,
        item=item and shown(change.item_id, change.item_type, item),
        playlist_edits=[PlaylistEdit(**edit) for edit in change.data.get("edits", ())],
        playlist_revision=change.data.get("revision"),
        occurred_at=change.occurred_at,
    )


def shown(id: UUID, type: str, item: Mapping[str, Any]) -> LibraryItem:
    return LibraryItem(id, type, moment(item["added_at"]), moment(item["updated_at"]), item["loved"], item["rating"])


def moment(stored: str | datetime) -> datetime:
    """What has just been recorded has its times as they are; what was read from the history, as JSON has them."""
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


def held(item: Item | None) -> LibraryItem | None:
    """What a library holds now; None for what it does not."""
    if item is None or not item.present:
        return None
    return LibraryItem(item.id, item.type.value, item.added_at, item.updated_at, item.loved, item.rating)
