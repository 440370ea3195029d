"""The part of a playlist that some edits are about, and the positions of what they put into it."""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.clocks import Clock
from domain.errors import NotFound
from domain.positions import between


@dataclass(frozen=True, slots=True)
class Entry:
    id: UUID
    track_id: UUID
    position: float
    """Entries are ordered by position, then by id."""
    duration_ms: int
    added_at: datetime
    placed: Clock
    """Of the insert or the last move."""
    removed_at: datetime | None = None


class Chain:
    """Entry ids in order, linked both ways. None stands before the first and after the last."""

    __slots__ = ("after", "before")

    def __init__(self, ids: Iterable[UUID] = ()) -> None:
        self.before: ChainMap[UUID | None, UUID | None] = ChainMap({None: None})
        self.after: ChainMap[UUID | None, UUID | None] = ChainMap({None: None})
        for entry in ids:
            self.put(entry, after=self.before[None])

    def put(self, entry: UUID, *, after: UUID | None) -> None:
        following = self.after[after]
        self.before[entry], self.after[entry] = after, following
        self.after[after] = self.before[following] = entry

    def take(self, entry: UUID) -> None:
        """Only to put it somewhere else."""
        before, after = self.before[entry], self.after[entry]
        self.after[before], self.before[after] = after, before

    def draft(self) -> "Chain":
        drafted = Chain()
        drafted.before, drafted.after = self.before.new_child(), self.after.new_child()
        return drafted

    def accept(self, draft: "Chain") -> None:
        self.before.update(draft.before.maps[0])
        self.after.update(draft.after.maps[0])


@dataclass(slots=True)
class View:
    """The part of a playlist that some edits are about: it is all that merging them needs, whatever the length.

    It holds every entry that the edits name (removed ones too), the nearest visible entry on either side of each of
    these, and the first visible entry. So, next to a named entry, what the view holds is what the playlist holds. Each
    edit keeps this true, for new entries as well: it only ever acts on a named entry and goes next to another one.

    An entry that is put after another goes before the next one that is visible *or named*: of the removed entries that
    lie between, no others are known.
    """

    name: str
    renamed: Clock
    track_count: int
    duration_ms: int
    entries: ChainMap[UUID, Entry]
    chain: Chain
    changed: set[UUID] = field(default_factory=set)
    """Entries to be written: new, moved or removed, or only with another clock."""
    unplaced: set[UUID] = field(default_factory=set)
    """Changed entries that have a new place but no position yet."""

    @classmethod
    def of(cls, entries: Iterable[Entry], *, name: str, renamed: Clock, track_count: int, duration_ms: int) -> Self:
        """The playlist's own values are those of the whole playlist; the same entry may come more than once."""
        known = {entry.id: entry for entry in entries}
        chain = Chain(sorted(known, key=lambda id: (known[id].position, id)))
        return cls(name, renamed, track_count, duration_ms, ChainMap(known), chain)

    def draft(self) -> "View":
        """The same view, to try edits on: this one stays as it is until it accepts the draft. It copies nothing."""
        return replace(self, entries=self.entries.new_child(), chain=self.chain.draft(), changed=set(), unplaced=set())

    def accept(self, draft: "View") -> None:
        self.name, self.renamed = draft.name, draft.renamed
        self.track_count, self.duration_ms = draft.track_count, draft.duration_ms
        self.entries.update(draft.entries.maps[0])
        self.chain.accept(draft.chain)
        self.changed |= draft.changed
        self.unplaced |= draft.unplaced

    def entry(self, id: UUID) -> Entry:
        if id not in self.entries:
            raise NotFound(f"This playlist has no entry {id}.")
        return self.entries[id]

    def visible_before(self, id: UUID) -> UUID | None:
        earlier = self.chain.before[id]
        while earlier is not None and self.entries[earlier].removed_at is not None:
            earlier = self.chain.before[earlier]
        return earlier

    def change(self, entry: Entry) -> None:
        self.entries[entry.id] = entry
        self.changed.add(entry.id)

    def put(self, id: UUID, *, after: UUID | None) -> None:
        self.chain.put(id, after=after)
        self.unplaced.add(id)

    def renumbered(self, positions: Mapping[UUID, float]) -> "View":
        """The view after some entries of its playlist were given other positions that keep their order."""
        moved = {id: replace(self.entries[id], position=positions[id]) for id in positions.keys() & self.entries}
        return replace(self, entries=self.entries.new_child(moved))


class NoRoom(Exception):
    """There are not enough positions directly after an entry.

    Make room there for `wanted` entries, then settle the view `renumbered` with the new positions.
    """

    def __init__(self, after: UUID, wanted: int) -> None:
        super().__init__(f"there is no room for {wanted} entries after {after}")
        self.after = after
        self.wanted = wanted


def settle(view: View) -> list[Entry]:
    """The entries of a view that have to be written, in order, with their positions.

    However many were put next to one another, and in whichever order, they share the gap evenly. Raises NoRoom.
    """
    chain, entries = view.chain, view.entries
    positions: dict[UUID, float] = {}
    for first in view.unplaced:
        below = chain.before[first]
        if below in view.unplaced:
            continue
        run, above = [first], chain.after[first]
        while above is not None and above in view.unplaced:
            run.append(above)
            above = chain.after[above]
        found = between(
            None if below is None else entries[below].position,
            None if above is None else entries[above].position,
            len(run),
        )
        if found is None:
            assert below is not None
            raise NoRoom(below, len(view.unplaced))
        positions.update(zip(run, found, strict=True))
    changed = [replace(entries[id], position=positions.get(id, entries[id].position)) for id in view.changed]
    return sorted(changed, key=lambda entry: (entry.position, entry.id))
