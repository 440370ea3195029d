"""How changes of a library merge: the specification, as pure functions. `docs/sync.md` tells it to authors of clients.

A library is a set of items. Each item has registers (whether it is there, loved, rating) and each register the clock
of its last write. A change carries one clock: when the listener did it, clamped to the library's own time, and its
mutation id, which settles ties. For every register the later clock wins, in whatever order changes arrive:

    ADD      puts the item there, unless it was removed later. Adding what is there changes nothing that is seen.
    REMOVE   takes it away, unless it was added, changed or edited later. A removal is remembered for ever, so that
             nothing older brings the item back. What was said about it (loved, rating) goes with it.
    UPDATE   writes the fields it names, each by itself. Later than a removal, it brings the item back: the listener
             touched it last. What was never there cannot be updated.

A change that loses everywhere is REJECTED and has no effect whatever: a removal that comes too late to remove an item
takes nothing of what was said about it either. A change that is acknowledged is therefore there, or was beaten by a
later one that was acknowledged too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Protocol, TypeVar
from uuid import UUID

from domain.clocks import Clock
from domain.library import ChangeType, LibraryItemType
from domain.playlists import Edit

NEVER = Clock(datetime.min.replace(tzinfo=UTC), "")
RATINGS = range(1, 6)


class SyncStatus(Enum):
    APPLIED = "APPLIED"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"


class RejectReason(Enum):
    NEWER_CHANGE_EXISTS = "NEWER_CHANGE_EXISTS"
    NOT_FOUND = "NOT_FOUND"
    NOT_ALLOWED = "NOT_ALLOWED"
    INVALID = "INVALID"


class Edits(Enum):
    """What became of the edits inside an item, a playlist, that an UPDATE carries."""

    NONE = "there were none, or they had been made before"
    SEEN = "some had an effect"
    UNSEEN = "they decided that it stays as it is"
    BEATEN = "newer ones were there"


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that is in a library, or was. `clocks` has the last write of each register: added, removed, loved,
    rating, edited (what is inside, for a playlist)."""

    id: UUID
    type: LibraryItemType
    present: bool
    added_at: datetime
    updated_at: datetime
    loved: bool = False
    rating: int | None = None
    clocks: Mapping[str, Clock] = field(default_factory=dict)

    @property
    def removed(self) -> Clock:
        return self.clocks.get("removed", NEVER)

    @property
    def touched(self) -> Clock:
        """The last time that the listener wanted it there."""
        return max((clock for name, clock in self.clocks.items() if name != "removed"), default=NEVER)


@dataclass(frozen=True, slots=True)
class Change:
    """What a listener did. `fields` are those that an UPDATE names: `loved`, `rating`."""

    type: ChangeType
    item_id: UUID
    clock: Clock
    fields: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """The item after a change; `effect` is what devices see of it, None when they see nothing."""

    item: Item | None
    effect: ChangeType | None = None
    rejected: RejectReason | None = None


def merge(item: Item | None, change: Change, kind: LibraryItemType, edits: Edits = Edits.NONE) -> Merged:
    """What `change` makes of an item; None is one that the library has never had."""
    match change.type:
        case ChangeType.ADD:
            return added(item, change, kind)
        case ChangeType.REMOVE:
            return removed(item, change, kind)
        case ChangeType.UPDATE:
            return updated(item, change.fields, change.clock, edits)


def added(item: Item | None, change: Change, kind: LibraryItemType) -> Merged:
    clock = change.clock
    if item is not None and item.removed > clock:
        return Merged(item, rejected=RejectReason.NEWER_CHANGE_EXISTS)
    clocks = written(item, clock, "added")
    if item is not None and item.present:
        return Merged(replace(item, clocks=clocks))
    return Merged(Item(change.item_id, kind, True, clock.at, clock.at, clocks=clocks), ChangeType.ADD)


def removed(item: Item | None, change: Change, kind: LibraryItemType) -> Merged:
    clock = change.clock
    if item is not None and item.present and item.touched > clock:
        return Merged(item, rejected=RejectReason.NEWER_CHANGE_EXISTS)
    gone = Item(change.item_id, kind, False, clock.at, clock.at, clocks=written(item, clock, "removed"))
    return Merged(gone, ChangeType.REMOVE if item is not None and item.present else None)


def updated(item: Item | None, fields: Mapping[str, Any], clock: Clock, edits: Edits) -> Merged:
    if item is None:
        return Merged(None, rejected=RejectReason.NOT_FOUND)
    won = {name: value for name, value in fields.items() if clock >= item.clocks.get(name, NEVER)}
    edited = edits in (Edits.SEEN, Edits.UNSEEN)
    beaten = len(won) < len(fields) or edits is Edits.BEATEN
    if item.removed > clock or (beaten and not (won or edited)):
        return Merged(item, rejected=RejectReason.NEWER_CHANGE_EXISTS)
    clocks = written(item, clock, *won, *(("edited",) if edited else ()))
    seen = edits is Edits.SEEN or not item.present or any(getattr(item, name) != value for name, value in won.items())
    if not seen:
        return Merged(replace(item, clocks=clocks))
    after = replace(
        item,
        present=True,
        added_at=item.added_at if item.present else clock.at,
        updated_at=max(item.updated_at, clock.at),
        clocks=clocks,
        **won,
    )
    return Merged(after, ChangeType.UPDATE if item.present else ChangeType.ADD)


def written(item: Item | None, clock: Clock, *registers: str) -> dict[str, Clock]:
    """The item's clocks after a write to some registers. No clock ever goes back."""
    before = item.clocks if item is not None else {}
    return {**before, **{name: max(clock, before.get(name, NEVER)) for name in registers}}


def clamped(occurred: Sequence[datetime], now: datetime) -> list[datetime]:
    """When the changes of one device happened, never later than `now`.

    Those from the future keep their order: a device whose clock is ahead must not see what it did last undone.
    """
    last = len(occurred) - 1
    return [min(at, now - timedelta(microseconds=last - number)) for number, at in enumerate(occurred)]


def is_valid(change: Change) -> bool:
    """Whether a change makes sense by itself, whatever the library holds."""
    if change.type is not ChangeType.UPDATE:
        return not change.fields and not change.edits
    rating = change.fields.get("rating")
    return bool(change.fields or change.edits) and (rating is None or rating in RATINGS)


def told_again(
    status: SyncStatus, reason: RejectReason | None, *, same: bool
) -> tuple[SyncStatus, RejectReason | None]:
    """The outcome of a mutation id that was handed in before: the first one, unless the content is another."""
    if not same:
        return SyncStatus.REJECTED, RejectReason.INVALID
    return (SyncStatus.DUPLICATE if status is SyncStatus.APPLIED else status), reason


class Told(Protocol):
    """A change in the history."""

    @property
    def sync_token(self) -> int: ...

    @property
    def item_id(self) -> UUID: ...

    @property
    def data(self) -> Mapping[str, Any]: ...


T = TypeVar("T", bound=Told)


def unheard(history: Sequence[T], mine: Collection[int]) -> list[T]:
    """The changes that a device which has just made those at `mine` needs to hear of.

    What it did itself it knows, unless others changed the same item: then it needs the order in which all happened.
    What became of its edits inside a playlist it does not know: some may have been beaten, all are normalised.
    """
    # Of an item all is told or nothing: what it was in between must not be taken for what it is.
    told = {change.item_id for change in history if change.sync_token not in mine or "edits" in change.data}
    return [change for change in history if change.item_id in told]
