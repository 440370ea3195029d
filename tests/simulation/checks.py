"""What must be true of a library whatever happened: the copies agree, and so do the rows with one another."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Uuid, bindparam, text

from benchmarks.device import Device, read_library
from benchmarks.local_library import LocalLibrary, differences
from datasources.database import Statement
from datasources.retention import trim_library
from datasources.sources import Sources
from tests.simulation.oracle import Remembered, clocks_of, complaints, deeds_of
from tests.simulation.stage import Call, Listener, Stage


def query(sql: str) -> Statement:
    return Statement(text(sql).bindparams(bindparam("user_id", type_=Uuid)))


LIBRARY = query("""
SELECT head, floor, item_counts,
  (SELECT coalesce(jsonb_object_agg(item_type, n), '{}') FROM (
     SELECT item_type, count(*) n FROM library_items WHERE user_id = l.user_id AND present GROUP BY 1
   ) counted) AS counted
FROM libraries l WHERE user_id = :user_id
""")
PLAYLISTS = query("""
SELECT p.id::text, track_count, p.duration_ms, count(e.entry_id) AS tracks, coalesce(sum(e.duration_ms), 0) AS sum,
  count(DISTINCT e.position) AS places
FROM playlists p LEFT JOIN playlist_entries e ON e.playlist_id = p.id AND e.removed_at IS NULL
WHERE owner_id = :user_id GROUP BY p.id
""")
HISTORY = query("SELECT * FROM library_changes WHERE user_id = :user_id ORDER BY sync_token")
MUTATIONS = query("SELECT * FROM library_mutations WHERE user_id = :user_id")


@dataclass
class Archive:
    """The whole history, also of what is no longer kept; `witness` is a device that only ever listens, from 0 on."""

    sources: Sources
    listener: Listener
    witness: Device
    rows: dict[int, Any] = field(default_factory=dict)

    @classmethod
    async def of(cls, sources: Sources, listener: Listener) -> Self:
        """Of a library that is new."""
        witness = Device(listener, first=7)
        await witness.refresh()
        return cls(sources, listener, witness)

    async def catch_up(self) -> None:
        await self.witness.pull()
        rows = await self.sources.database.fetch(HISTORY, user_id=self.listener.id)
        self.rows |= {row.sync_token: row for row in rows}

    async def trim(self, share: float) -> None:
        """Remove about that share of the history that is kept."""
        await self.catch_up()
        kept = await self.sources.database.fetch(HISTORY, user_id=self.listener.id)
        if kept:
            await trim_library(self.sources, self.listener.id, kept[int(share * len(kept))].created_at)


async def check(
    stage: Stage, listener: Listener, archive: Archive, calls: Sequence[Call], copies: Sequence[LocalLibrary]
) -> None:
    """Everything, when all is quiet. Raises AssertionError."""
    await archive.catch_up()
    held = await read_library(listener)
    database, id = stage.sources.database, listener.id
    (library,) = await database.fetch(LIBRARY, user_id=id)
    playlists = await database.fetch(PLAYLISTS, user_id=id)
    mutations = await database.fetch(MUTATIONS, user_id=id)
    remembered = {row.mutation_id: Remembered(row.status, row.reason, row.created_at) for row in mutations}
    problems = [
        *(f"device {number}: {each}" for number, copy in enumerate(copies) for each in differences(copy, held)),
        *(f"the history, replayed: {each}" for each in differences(archive.witness.local, held)),
        *about_rows(library, playlists, list(archive.rows), held, stage),
        *about_history(list(archive.rows.values()), calls, remembered),
        *complaints(calls, remembered, held),
    ]
    assert not problems, "\n".join(problems)


def about_rows(
    library: Any, playlists: Sequence[Any], positions: Sequence[int], held: LocalLibrary, stage: Stage
) -> Iterable[str]:
    if list(positions) != list(range(1, library.head + 1)):
        yield f"the history has gaps: {positions} up to {library.head}"
    counts = {kind: count for kind, count in library.item_counts.items() if count}
    shown = dict(Counter(item.type for item in held.items.values()))
    if not counts == library.counted == shown:
        yield f"{counts} items are counted, {library.counted} are there, {shown} are shown"
    if {row.id for row in playlists} != held.playlists.keys():
        yield f"playlists {[row.id for row in playlists]} exist, {[*held.playlists]} are in the library"
    for row in playlists:
        tracks = [stage.tracks[str(entry.track_id)] for entry in held.playlists[row.id].entries]
        if not (row.track_count, row.duration_ms) == (row.tracks, row.sum) == (len(tracks), sum(tracks)):
            yield f"playlist {row.id} is counted wrong: {row}, with {tracks}"
        if row.places != row.tracks:
            yield f"entries of playlist {row.id} share a position"


def about_history(rows: Sequence[Any], calls: Sequence[Call], remembered: dict[str, Remembered]) -> Iterable[str]:
    """Nothing is in it twice, or without a reason; names and places only ever go to later ones."""
    deeds = [deed for deed in deeds_of(calls, remembered) if deed.low == deed.high]
    reasons = Counter((deed.item, deed.low) for deed in deeds)
    unsure = {deed.item for deed in deeds_of(calls, remembered) if deed.low != deed.high}
    effects = Counter((str(row.item_id), row.occurred_at) for row in rows)
    for (item, at), times in effects.items():
        if times > reasons[item, at] and item not in unsure:
            yield f"{item} has {times} changes of {at} in the history, and {reasons[item, at]} were made"
    last: dict[tuple[Any, ...], datetime] = {}
    for row in rows:
        for edit in row.data.get("edits", ()):
            if edit["kind"] in ("MOVE", "RENAME"):
                register = (row.item_id, edit["entry_id"])
                if row.occurred_at < last.get(register, row.occurred_at):
                    yield f"{edit} of {row.item_id} undid a later one"
                last[register] = row.occurred_at
    beaten = {id for id, each in remembered.items() if each.status == "REJECTED"}
    clocks = clocks_of(calls, remembered)
    for id in beaten & clocks.keys():
        change, at = clocks[id]
        if effects[change["itemId"], at] > reasons[change["itemId"], at]:
            yield f"{change} was refused, and is in the history"
