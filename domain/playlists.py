"""What a playlist is, and how edits of several devices merge into it instead of overwriting one another.

A playlist is a list of entries, each a track at a place, with an id that the device chose. Devices send edits, never
lists, and name places by the entry before: two devices may insert at one place and both entries survive.

    INSERT  a new entry directly after another. An id that is there already is a retry and has no effect, even when the
            entry has been removed since; with another track it is a Conflict.
    REMOVE  for good: no edit, however late, brings an entry back. It keeps its place, so that others can still be put
            after it.
    MOVE    the last mover wins, by the clock. An older move is *beaten*; a removed entry is not moved.
    RENAME  the last writer wins, by the clock. An older name is beaten.

A batch of edits has one clock and is merged in order, whole or not at all. What comes out are *normalised* edits: those
that had an effect, with every id filled in, and `after` naming the entry that is visible directly before. Whoever
applies them in order to the list they see gets the list that we have.

Merging is about order alone. Positions are given at the end, to all new places at once: `domain.playlist_views.settle`.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from domain.accounts import INVISIBLE, is_storable
from domain.clocks import Clock
from domain.errors import BadInput, Conflict, NotFound
from domain.ids import new_id
from domain.playlist_views import Entry, View

PLAYLIST_LIMIT = 10_000
"""Entries that can be seen."""
EDITS_LIMIT = 500
"""Edits of one batch."""
NAME_LIMIT = 100
DESCRIPTION_LIMIT = 500
JOINERS = str.maketrans("", "", "\u200c\u200d")
"""Not printable by themselves, but families of emoji and Persian words are spelled with them."""


class EditKind(Enum):
    INSERT = "INSERT"
    REMOVE = "REMOVE"
    MOVE = "MOVE"
    RENAME = "RENAME"


@dataclass(frozen=True, slots=True)
class Edit:
    kind: EditKind
    entry_id: UUID | None = None
    track_id: UUID | None = None
    after: UUID | None = None
    """The entry to go directly after; None means first."""
    name: str | None = None


SPELLED = {"entry_id": "entryId", "track_id": "trackId", "after": "afterEntryId", "name": "name"}
NEEDED = {
    EditKind.INSERT: {"track_id"},
    EditKind.REMOVE: {"entry_id"},
    EditKind.MOVE: {"entry_id"},
    EditKind.RENAME: {"name"},
}
ALLOWED = {
    EditKind.INSERT: {"track_id", "entry_id", "after"},
    EditKind.REMOVE: {"entry_id"},
    EditKind.MOVE: {"entry_id", "after"},
    EditKind.RENAME: {"name"},
}


def check_playlist_name(name: str) -> str:
    """The name as it is shown. Raises BadInput."""
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    printed = shown.translate(JOINERS)
    if len(shown) > NAME_LIMIT or not printed.isprintable() or not INVISIBLE.sub("", printed).strip():
        raise BadInput(f"A playlist's name has 1 to {NAME_LIMIT} printable characters.")
    return shown


def check_description(description: str) -> str | None:
    """The description as it is shown, None when it is blank. Raises BadInput."""
    shown = "\n".join(unicodedata.normalize("NFC", description).splitlines()).strip()
    if len(shown) > DESCRIPTION_LIMIT or not is_storable(shown):
        raise BadInput(f"A playlist's description has at most {DESCRIPTION_LIMIT} characters.")
    return shown or None


def check_edits(edits: Sequence[Edit]) -> None:
    """Whether edits make sense whatever the playlist. Raises BadInput, which says what to send instead."""
    if len(edits) > EDITS_LIMIT:
        raise BadInput(f"At most {EDITS_LIMIT:,} edits go together; these are {len(edits):,}. Send them in parts.")
    for number, edit in enumerate(edits, 1):
        given = {name for name in SPELLED if getattr(edit, name) is not None}
        for name in sorted(NEEDED[edit.kind] - given):
            raise BadInput(f"Edit {number}: {edit.kind.value} needs `{SPELLED[name]}`.")
        for name in sorted(given - ALLOWED[edit.kind]):
            raise BadInput(f"Edit {number}: {edit.kind.value} takes no `{SPELLED[name]}`.")
        if edit.after is not None and edit.after == edit.entry_id:
            raise BadInput(f"Edit {number}: entry {edit.entry_id} cannot go after itself.")
        if edit.name is not None:
            check_playlist_name(edit.name)


def names(edits: Iterable[Edit]) -> set[UUID]:
    """The entries that must be known before the edits can be merged."""
    return {entry for edit in edits for entry in (edit.entry_id, edit.after) if entry is not None}


def inserted_tracks(edits: Iterable[Edit]) -> set[UUID]:
    """The tracks whose durations must be known before the edits can be merged."""
    return {edit.track_id for edit in edits if edit.track_id is not None}


class Merged(NamedTuple):
    """What became of a batch of edits."""

    edits: list[Edit]
    """Normalised."""
    won: bool
    """Whether an edit decided something, if only that it stays as it is."""
    beaten: bool
    """Whether an edit had no effect because a newer one was there."""


def merge(
    view: View,
    edits: Sequence[Edit],
    clock: Clock,
    *,
    now: datetime,
    durations: Mapping[UUID, int],
    make_id: Callable[[], UUID] = new_id,
) -> Merged:
    """Merge a batch of edits into a view of all `names(edits)`, which afterwards is the playlist as they left it.

    `durations` are those of `inserted_tracks(edits)`, in milliseconds. `now` is when entries count as removed: a late
    device's removal has to be remembered for as long as any other. Raises BadInput, NotFound and Conflict, and leaves
    the view as it was.
    """
    check_edits(edits)
    merging = Merging(view.draft(), clock, now, durations, make_id)
    for edit in edits:
        merging.apply(edit)
    count = merging.view.track_count
    if count > max(PLAYLIST_LIMIT, view.track_count):
        raise BadInput(f"A playlist has at most {PLAYLIST_LIMIT:,} entries; with these edits it would have {count:,}.")
    view.accept(merging.view)
    return Merged(merging.edits, bool(merging.edits or merging.decided), merging.beaten)


@dataclass(slots=True)
class Merging:
    """A batch under way."""

    view: View
    clock: Clock
    now: datetime
    durations: Mapping[UUID, int]
    make_id: Callable[[], UUID]
    edits: list[Edit] = field(default_factory=list)
    beaten: bool = False
    decided: set[UUID | None] = field(default_factory=set)
    """Whose place this batch has decided already, so that it may do so again; None for the playlist's name."""

    def apply(self, edit: Edit) -> None:
        match edit:
            case Edit(kind=EditKind.INSERT, track_id=UUID() as track):
                self.insert(edit.entry_id, track, edit.after)
            case Edit(kind=EditKind.REMOVE, entry_id=UUID() as id):
                self.remove(id)
            case Edit(kind=EditKind.MOVE, entry_id=UUID() as id):
                self.move(id, edit.after)
            case Edit(kind=EditKind.RENAME, name=str() as name):
                self.rename(check_playlist_name(name))

    def insert(self, id: UUID | None, track: UUID, after: UUID | None) -> None:
        view = self.view
        if id is not None and id in view.entries:
            if view.entries[id].track_id != track:
                raise Conflict(f"Entry {id} is there with another track already. Choose another id.")
            return
        if after is not None:
            view.entry(after)
        if track not in self.durations:
            raise NotFound(f"There is no track {track}.")
        entry = Entry(id or self.make_id(), track, math.nan, self.durations[track], self.clock.at, self.clock)
        view.change(entry)
        view.put(entry.id, after=after)
        view.track_count += 1
        view.duration_ms += entry.duration_ms
        self.decided.add(entry.id)
        self.edits.append(Edit(EditKind.INSERT, entry.id, track, view.visible_before(entry.id)))

    def remove(self, id: UUID) -> None:
        entry = self.view.entry(id)
        if entry.removed_at is not None:
            return
        self.view.change(replace(entry, removed_at=self.now))
        self.view.track_count -= 1
        self.view.duration_ms -= entry.duration_ms
        self.edits.append(Edit(EditKind.REMOVE, id))

    def move(self, id: UUID, after: UUID | None) -> None:
        view, entry = self.view, self.view.entry(id)
        if after is not None:
            view.entry(after)
        if entry.removed_at is not None or not self.wins_over(entry.placed, id):
            return
        before = view.visible_before(id)
        if view.chain.before[id] != after:
            view.chain.take(id)
            view.put(id, after=after)
        view.change(replace(entry, placed=self.clock))
        if view.visible_before(id) != before:
            self.edits.append(Edit(EditKind.MOVE, id, after=view.visible_before(id)))

    def rename(self, name: str) -> None:
        if not self.wins_over(self.view.renamed, None):
            return
        if name != self.view.name:
            self.edits.append(Edit(EditKind.RENAME, name=name))
        self.view.name, self.view.renamed = name, self.clock

    def wins_over(self, other: Clock, subject: UUID | None) -> bool:
        """Whether this batch may decide what was decided at `other`. With its own clock it is a retry, and may not."""
        self.beaten |= self.clock < other
        if self.clock > other:
            self.decided.add(subject)
        return subject in self.decided
