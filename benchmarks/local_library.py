"""A device's copy of a library, and what it makes of the server's answers. It knows no network: `device.py` does.

JSON is taken and kept as the graph has it. What the rules are, and why, is told in `docs/sync.md`.
"""

from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple, Self

Json = dict[str, Any]
CALL_LIMIT = 10_000
"""Changes of one `syncLibrary`, and edits inside them."""


@dataclass(frozen=True, slots=True)
class Item:
    """A thing in the library."""

    type: str
    added_at: datetime
    updated_at: datetime
    loved: bool = False
    rating: int | None = None

    @classmethod
    def of(cls, item: Json) -> Self:
        added, updated = datetime.fromisoformat(item["addedAt"]), datetime.fromisoformat(item["updatedAt"])
        return cls(item["type"], added, updated, item["loved"], item["rating"])


class Entry(NamedTuple):
    id: str
    track_id: str | None


@dataclass(slots=True)
class Playlist:
    """A playlist of the listener's own, as it is at `revision`."""

    name: str = ""
    revision: int = 0
    entries: list[Entry] = field(default_factory=list)

    def apply(self, edits: Sequence[Json]) -> None:
        """Apply edits in order. Raises KeyError for an entry that is not here."""
        for edit in edits:
            if edit["kind"] == "RENAME":
                self.name = edit["name"]
                continue
            place = 0 if edit["kind"] == "INSERT" else self.place(edit["entryId"])
            entry = Entry(edit["entryId"], edit["trackId"]) if edit["kind"] == "INSERT" else self.entries.pop(place)
            if edit["kind"] != "REMOVE":
                after = edit.get("afterEntryId")
                self.entries.insert(0 if after is None else self.place(after) + 1, entry)

    def place(self, entry_id: str) -> int:
        for place, entry in enumerate(self.entries):
            if entry.id == entry_id:
                return place
        raise KeyError(entry_id)


@dataclass(slots=True)
class LocalLibrary:
    """What the server has said, and apart from it what the listener did that the server has not acknowledged.

    A real device keeps all four on disk, and writes what one answer changes together.
    """

    items: dict[str, Item] = field(default_factory=dict)
    playlists: dict[str, Playlist] = field(default_factory=dict)
    token: str | None = None
    pending: list[Json] = field(default_factory=list)
    """As `syncLibrary` takes them, oldest first."""

    def put(self, delta: Json) -> None:
        """Take a delta that follows on our token, or on an earlier position."""
        for change in delta["changes"]:
            self.put_item(change["itemId"], change["item"])
            if change["item"] and change["playlistRevision"] is not None:
                self._put_edits(change)
        self.token = delta["syncToken"]

    def portion(self) -> list[Json]:
        """As much of `pending` as goes in one call, oldest first."""
        edits = accumulate(len(change.get("playlistEdits", ())) for change in self.pending)
        return [change for change, sum in zip(self.pending[:CALL_LIMIT], edits, strict=False) if sum <= CALL_LIMIT]

    def settle(self, sent: Sequence[Json], result: Json) -> None:
        """Take the answer to a `syncLibrary` with these changes, the oldest of our `pending`."""
        delta = result["delta"]
        self.put(delta)
        del self.pending[: len(sent)]
        if delta["hasMore"] or delta["mustRefresh"]:
            return  # what we did comes with the rest
        heard = {change["itemId"] for change in delta["changes"]}
        for change, outcome in zip(sent, result["outcomes"], strict=True):
            if change["itemId"] not in heard:
                self.put_item(change["itemId"], outcome["serverState"])

    def shown(self) -> "LocalLibrary":
        """What the listener sees: the server's word with `pending` on top."""
        shown = LocalLibrary(dict(self.items), deepcopy(self.playlists))
        for change in self.pending:
            shown._pretend(change)
        return shown

    def put_item(self, id: str, item: Json | None) -> None:
        if item is None:
            self.items.pop(id, None)
            self.playlists.pop(id, None)
        else:
            self.items[id] = Item.of(item)

    def _put_edits(self, change: Json) -> None:
        id, revision = change["itemId"], change["playlistRevision"]
        if change["type"] == "ADD":
            self.playlists.setdefault(id, Playlist())
        playlist = self.playlists.get(id)
        if playlist and playlist.revision < revision:
            playlist.apply(change["playlistEdits"])
            playlist.revision = revision

    def _pretend(self, change: Json) -> None:
        """As if the change had been applied, until the server says what became of it."""
        id, at = change["itemId"], datetime.fromisoformat(change["occurredAt"])
        if change["type"] == "REMOVE":
            self.put_item(id, None)
        elif change["type"] == "ADD":
            self.items.setdefault(id, Item("TRACK", at, at))
        elif id in self.items:
            fields = {name: change[name] for name in ("loved", "rating") if name in change}
            self.items[id] = replace(self.items[id], updated_at=at, **fields)
            if id in self.playlists:
                with suppress(KeyError):  # somebody has taken the entry away meanwhile
                    self.playlists[id].apply(change.get("playlistEdits", ()))


def differences(mine: LocalLibrary, theirs: LocalLibrary) -> list[str]:
    """What two copies hold differently, in words."""
    found = []
    for kind in ("items", "playlists"):
        ours, others = getattr(mine, kind), getattr(theirs, kind)
        found += [
            f"{kind} {id}: {ours.get(id)} here, {others.get(id)} there"
            for id in sorted(ours.keys() | others.keys())
            if ours.get(id) != others.get(id)
        ]
    return found
