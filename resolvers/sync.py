"""`syncLibrary`: what a device did offline, handed in; what others did meanwhile, handed out."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry

from datasources.library_edits import LibraryEdit
from datasources.library_history import read_history
from datasources.playlist_edits import PlaylistEdit
from domain.accounts import is_storable
from domain.clocks import Clock
from domain.errors import BadInput, Conflict, NotFound
from domain.ids import parse_id
from domain.library import LibraryItemType
from domain.playlists import Edit
from domain.sync import Change, RejectReason, SyncStatus, clamped, is_valid, told_again, unheard
from domain.sync_tokens import SyncToken, decode_token
from resolvers.context import Info
from resolvers.deltas import LibraryDelta, LibraryItem, delta, held
from resolvers.inputs import OfflineChangeInput
from resolvers.library import changes_size, edit, given_fields

OFFLINE_LIMIT = 10_000
"""Changes of one call, and edits inside playlists."""
AT_ONCE = 500
"""Changes and edits that are merged between two waits for the database: others get their turn meanwhile."""
MUTATION_ID_LENGTH = range(1, 65)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""A clock that was never set shows 1970, or 1904. What is earlier than any of them is no time."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    mutation_id: str
    status: SyncStatus
    reason: RejectReason | None
    server_state: LibraryItem | None


@dataclass(frozen=True, slots=True)
class SyncResult:
    outcomes: Sequence[SyncOutcome]
    delta: LibraryDelta


@dataclass(slots=True)
class HandedIn:
    """An offline change, and what became of it."""

    mutation_id: str
    fingerprint: str
    item_id: UUID | None = None
    change: Change | None = None
    """None when it makes no sense by itself."""
    status: SyncStatus = SyncStatus.REJECTED
    reason: RejectReason | None = RejectReason.INVALID

    def stored(self) -> dict[str, Any]:
        """As library_mutations remembers it."""
        return {
            "mutation_id": self.mutation_id,
            "fingerprint": self.fingerprint,
            "status": self.status,
            "reason": self.reason,
        }


async def sync_library(
    info: Info, changes: list[OfflineChangeInput], since: SyncToken | None = strawberry.UNSET, first: int | None = 500
) -> SyncResult:
    """Apply what can be applied, and tell the rest. Everything is committed together, or nothing."""
    size = changes_size(first)
    if len(changes) > OFFLINE_LIMIT:
        raise BadInput(
            f"At most {OFFLINE_LIMIT:,} changes are handed in at once; these are {len(changes):,}. "
            "None was applied: send them in several calls, oldest first."
        )
    inside = sum(len(each.playlist_edits or ()) for each in changes)
    if inside > OFFLINE_LIMIT:
        raise BadInput(
            f"At most {OFFLINE_LIMIT:,} playlist edits are handed in at once; these are {inside:,}. "
            "None was applied: send them in several calls, oldest first."
        )
    token = decode_token(since) if isinstance(since, str) else None
    handed_in = [each async for each in parse_changes(changes)]
    async with edit(info, moments=len(changes)) as library:
        position = token.verified(library.token_key) if token else 0
        set_clocks(handed_in, library.now)
        for part in parts(handed_in):
            await hand_in(library, part)
    history = await read_history(info.context.sources.database, library.user_id, position, size)
    mine = frozenset(change.sync_token for change in library.changes)
    if not history.has_more:
        history = replace(history, changes=unheard(history.changes, mine))
    return SyncResult([outcome(library, each) for each in handed_in], delta(history))


async def parse_changes(changes: Sequence[OfflineChangeInput]) -> AsyncIterator[HandedIn]:
    """What was sent, with clocks as the device has them. Other requests get their turn in between."""
    for number, sent in enumerate(changes):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        yield parsed(sent)


def parsed(sent: OfflineChangeInput) -> HandedIn:
    handed_in = HandedIn(sent.mutation_id, fingerprint(sent))
    try:
        handed_in.item_id = parse_id(sent.item_id)
        edits = tuple(edit.parsed() for edit in sent.playlist_edits or ())
    except BadInput:
        return handed_in
    at = parsed_time(sent.occurred_at)
    if at is not None and is_storable_id(sent.mutation_id):
        fields = given_fields(sent.loved, sent.rating)
        change = Change(sent.type, handed_in.item_id, Clock(at, sent.mutation_id), fields, edits)
        handed_in.change = change if is_valid(change) else None
    return handed_in


def parsed_time(occurred_at: datetime) -> datetime | None:
    """When a device says that it was; None when it does not say it in a way that makes sense."""
    if occurred_at.tzinfo is None:
        return None
    try:
        at = occurred_at.astimezone(UTC)
    except OverflowError:
        return None
    return at if at >= EARLIEST else None


def fingerprint(sent: OfflineChangeInput) -> str:
    """The same for the same content. What is null and what is left out say the same, but for a rating."""
    fields = given_fields(sent.loved, sent.rating)
    edits = [
        {name: value for name, value in vars(edit).items() if value is not None and value is not strawberry.UNSET}
        for edit in sent.playlist_edits or ()
    ]
    # In ASCII: what callers send may hold halves of surrogate pairs, which no encoding takes.
    content = json.dumps([sent.type, sent.item_id, sent.occurred_at, fields, edits], default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def set_clocks(handed_in: Sequence[HandedIn], now: datetime) -> None:
    """Clamp the clocks to the library's time."""
    sensible = [each for each in handed_in if each.change]
    times = clamped([each.change.clock.at for each in sensible if each.change], now)
    for each, at in zip(sensible, times, strict=True):
        if each.change and each.change.clock.at != at:
            each.change = replace(each.change, clock=each.change.clock._replace(at=at))


def is_storable_id(mutation_id: str) -> bool:
    return len(mutation_id) in MUTATION_ID_LENGTH and is_storable(mutation_id)


def parts(handed_in: Sequence[HandedIn]) -> Iterator[list[HandedIn]]:
    """The changes in their order, in parts of about the same work."""
    part: list[HandedIn] = []
    work = 0
    for each in handed_in:
        part.append(each)
        work += 1 + (len(each.change.edits) if each.change else 0)
        if work >= AT_ONCE:
            yield part
            part, work = [], 0
    if part:
        yield part


async def hand_in(library: LibraryEdit, part: Sequence[HandedIn]) -> None:
    """Merge some of the changes, in their order, and remember their outcomes."""
    await library.load({each.item_id for each in part if each.item_id})
    known = await library.known_mutations({each.mutation_id for each in part if is_storable_id(each.mutation_id)})
    playlists = await opened_playlists(library, part)
    new: dict[str, HandedIn] = {}
    for each in part:
        before = new.get(each.mutation_id) or known.get(each.mutation_id)
        if before is not None:
            status, reason = SyncStatus(before.status), before.reason and RejectReason(before.reason)
            each.status, each.reason = told_again(status, reason, same=before.fingerprint == each.fingerprint)
            continue
        if each.change:
            each.status, each.reason = apply(library, each.change, playlists.get(each.change.item_id))
        if is_storable_id(each.mutation_id):
            new[each.mutation_id] = each
    for id, playlist in playlists.items():
        if library.owns(id):
            await playlist.write()
    await library.remember_mutations([each.stored() for each in new.values()])


async def opened_playlists(library: LibraryEdit, part: Sequence[HandedIn]) -> dict[UUID, PlaylistEdit]:
    """The listener's own playlists that the changes edit, each with all that it needs for them."""
    edits: defaultdict[UUID, list[Edit]] = defaultdict(list)
    for each in part:
        if each.change and each.change.edits and library.owns(each.change.item_id):
            edits[each.change.item_id] += each.change.edits
    return {id: await PlaylistEdit.open(library, id, theirs) for id, theirs in edits.items()}


def apply(
    library: LibraryEdit, change: Change, playlist: PlaylistEdit | None
) -> tuple[SyncStatus, RejectReason | None]:
    """What becomes of one change."""
    thing = library.things.get(change.item_id)
    if not change.edits or thing is None:
        rejected = library.apply(change).rejected
    elif thing.type is not LibraryItemType.PLAYLIST:
        rejected = RejectReason.INVALID
    elif playlist is None:
        rejected = RejectReason.NOT_ALLOWED
    else:
        try:
            rejected = playlist.apply(change).rejected
        except NotFound:
            rejected = RejectReason.NOT_FOUND
        except (BadInput, Conflict):
            rejected = RejectReason.INVALID
    return (SyncStatus.REJECTED if rejected else SyncStatus.APPLIED), rejected


def outcome(library: LibraryEdit, each: HandedIn) -> SyncOutcome:
    item = library.items.get(each.item_id) if each.item_id else None
    return SyncOutcome(each.mutation_id, each.status, each.reason, held(item))
