"""What must fail: designs that look right, and which the checks and histories of this package find out."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from benchmarks.device import ADD, REMOVE, Device
from benchmarks.local_library import Json
from datasources.doorbell import Doorbell
from datasources.library_edits import LOCK, Inside, Libraries, LibraryEdit
from datasources.library_heads import library_heads
from datasources.library_history import read_history
from datasources.sources import Sources, open_sources
from domain.library import ChangeType
from domain.sync import Change, Item, Merged, RejectReason
from settings import Settings
from tests.fixtures.processes import eventually
from tests.simulation.history import play
from tests.simulation.stage import Listener, Stage

WRITERS = 400
CONNECTIONS = 20
POLL = 0.002
"""Seconds between two looks of the reader: as the issue has it."""
SEEDS = range(20)
CHANGES = 60


@pytest.fixture
async def unlimited(sources: Sources, settings: Settings) -> AsyncIterator[Sources]:
    async with open_sources(settings.model_copy(update={"rate_limit_library": 10**9})) as opened:
        yield opened


async def heard_by_polling(read: Callable[[int], Any], writing: "asyncio.Future[Any]") -> list[int]:
    """The positions that a reader hears of, who asks for what follows on the last one it has heard of."""
    heard: list[int] = []
    done = False
    while not done:
        done = writing.done()  # before the last look, not after it
        heard += await read(heard[-1] if heard else 0)
        await asyncio.sleep(0 if done else POLL)
    await writing
    return heard


# Positions. The transactions take as long as ours do, and as different a time.

TABLES = """
CREATE SEQUENCE shared_positions;
CREATE TABLE control_libraries (id int PRIMARY KEY, head bigint NOT NULL);
CREATE TABLE control_changes (library int, position bigint);
INSERT INTO control_libraries VALUES (1, 0);
"""
DROP = "DROP TABLE control_changes, control_libraries; DROP SEQUENCE shared_positions"
POSITIONS = {
    "a sequence": "SELECT nextval('shared_positions')",
    "the library's counter": "UPDATE control_libraries SET head = head + 1 WHERE id = 1 RETURNING head",
}


@pytest.mark.parametrize("source", POSITIONS)
async def test_a_shared_sequence_loses_changes_and_a_counter_does_not(
    sources: Sources, settings: Settings, source: str
) -> None:
    async with asyncpg.create_pool(str(settings.database_url), min_size=1, max_size=CONNECTIONS) as pool:
        await pool.execute(TABLES)
        try:

            async def write() -> None:
                async with pool.acquire() as connection, connection.transaction():
                    position = await connection.fetchval(POSITIONS[source])
                    await connection.execute("INSERT INTO control_changes VALUES (1, $1)", position)
                    await connection.execute("SELECT pg_sleep(random() * 0.002)")

            async def read(seen: int) -> list[int]:
                rows = await reader.fetch("SELECT position FROM control_changes WHERE position > $1 ORDER BY 1", seen)
                return [row["position"] for row in rows]

            async with asyncpg.create_pool(str(settings.database_url), min_size=1, max_size=1) as reader:
                heard = await heard_by_polling(read, asyncio.gather(*(write() for _ in range(WRITERS))))
            assert await pool.fetchval("SELECT count(*) FROM control_changes") == WRITERS
        finally:
            await pool.execute(DROP)

    lost = WRITERS - len(heard)
    print(f"{lost} of {WRITERS} changes lost with {source}")
    assert (lost > 0) == (source == "a sequence")


async def test_none_of_400_concurrent_changes_is_lost(unlimited: Sources) -> None:
    """With several processes' worth of libraries: within one, writers of one library wait for one another anyway."""
    stage, listener = await Stage.of(unlimited), await Listener.new(unlimited)
    processes = [Libraries(unlimited.database, lambda user_id, head: None) for _ in range(8)]
    thing = UUID(stage.things[0])

    async def write(number: int) -> None:
        async with processes[number % len(processes)].edit(listener.id) as library:
            await library.load([thing])
            item = library.items[thing]
            change = ChangeType.REMOVE if item and item.present else ChangeType.ADD
            library.apply(Change(change, thing, library.clock()))

    async def read(seen: int) -> list[int]:
        history = await read_history(unlimited.database, listener.id, seen, 1000)
        return [change.sync_token for change in history.changes]

    heard = await heard_by_polling(read, asyncio.gather(*(write(number) for number in range(WRITERS))))

    print(f"{WRITERS - len(heard)} of {WRITERS} changes lost")
    assert heard == list(range(1, WRITERS + 1))


# Merging.


class WholeRow(LibraryEdit):
    """The later change of an item overwrites all that is known of it."""

    def apply(self, change: Change, inside: Inside | None = None) -> Merged:
        item, thing = self.items[change.item_id], self.things.get(change.item_id)
        if inside or thing is None or (change.type is ChangeType.UPDATE and not (item and item.present)):
            return super().apply(change, inside)
        if item and item.updated_at > change.clock.at:
            return Merged(item, rejected=RejectReason.NEWER_CHANGE_EXISTS)
        at, was, will = change.clock.at, bool(item and item.present), change.type is not ChangeType.REMOVE
        loved, rating = change.fields.get("loved", False), change.fields.get("rating")
        after = Item(change.item_id, thing.type, will, item.added_at if item else at, at, loved, rating)
        effects = {(True, True): ChangeType.UPDATE, (False, True): ChangeType.ADD, (True, False): ChangeType.REMOVE}
        effect = effects.get((was, will))
        self._keep(after)
        if effect:
            self._record(effect, after, change.clock, None)
        return Merged(after, effect)


class WholeRows(Libraries):
    @asynccontextmanager
    async def edit(self, user_id: UUID, moments: int = 1) -> AsyncIterator[LibraryEdit]:
        async with self._database.transaction() as connection:
            edit = WholeRow(connection, await connection.fetch_one(LOCK, user_id=user_id, moments=moments))
            yield edit
            await edit.write()


async def test_the_oracle_notices_when_whole_rows_are_overwritten(unlimited: Sources) -> None:
    careless = replace(unlimited, library=WholeRows(unlimited.database, lambda user_id, head: None))
    stage = await Stage.of(careless)

    noticed: list[str] = []
    for seed in SEEDS:
        try:
            await play(stage, seed)
        except AssertionError as problem:
            noticed.append(str(problem))

    print(f"noticed in {len(noticed)} of {len(SEEDS)} histories")
    assert any("loved is False and should be one of [True]" in problem for problem in noticed)
    assert all("python -m tests.simulation --seed" in problem for problem in noticed)


# Following.


class Scrambled(Doorbell):
    """A bell of one process whose rings are lost, doubled, and come in another order."""

    def __init__(self, sources: Sources, chance: random.Random) -> None:
        async def heads(users: list[UUID]) -> Mapping[UUID, int]:
            return await library_heads(sources.database, users)

        super().__init__(sources.channels, sources.valkey, f"scrambled-{uuid4().hex}", heads)
        self._chance = chance
        self._late: list[int] = []
        self.rung: list[int] = []
        """As it arrived."""

    def ring(self, user_id: UUID, head: int) -> None:
        self._late.append(head)
        if self._chance.random() < 0.3:
            self._chance.shuffle(self._late)
            for each in self._late:
                for _ in range(self._chance.choice((0, 1, 1, 1, 2))):
                    self.rung.append(each)
                    super().ring(user_id, each)
            self._late.clear()


@dataclass
class Listening:
    """Remembers the deltas of a stream."""

    listener: Listener
    deltas: list[Json] = field(default_factory=list)

    async def ask(self, query: str, **variables: Any) -> Json:
        return await self.listener.ask(query, **variables)

    async def listen(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        async with aclosing(self.listener.listen(query, **variables)) as events:
            async for event in events:
                self.deltas.append(event["libraryChanged"])
                yield event


@pytest.mark.parametrize("seed", range(3))
async def test_a_stream_that_trusts_the_bell_loses_changes_and_ours_does_not(unlimited: Sources, seed: int) -> None:
    bell = Scrambled(unlimited, random.Random(seed))
    scrambled = replace(unlimited, library_bell=bell, library=Libraries(unlimited.database, bell.ring))
    stage, listener = await Stage.of(unlimited), await Listener.new(scrambled)
    listening = Listening(listener)
    device = Device(listening)
    await device.sync()
    following = asyncio.create_task(device.follow())
    writer = Device(listener)
    thing = stage.things[0]

    for number in range(CHANGES):
        await writer.online(ADD if number % 2 == 0 else REMOVE, ids=[thing])
    Doorbell.ring(bell, listener.id, CHANGES)  # the check of every process would find the same, in its time

    await writer.sync()
    await eventually(lambda: device.local.token == writer.local.token)
    following.cancel()
    assert await device.differences() == []
    told = [change["type"] for delta in listening.deltas for change in delta["changes"]]
    assert told == ["ADD", "REMOVE"] * (CHANGES // 2)
    tokens = [delta["syncToken"] for delta in listening.deltas]
    assert [delta["since"] for delta in listening.deltas[1:]] == tokens[:-1]

    for trusting in (what_rings_announce, up_to_the_ring):
        sent = trusting(bell.rung)
        lost, doubled = CHANGES - len(set(sent)), len(sent) - len(set(sent))
        print(f"{trusting.__name__}: {lost} of {CHANGES} lost, {doubled} doubled, in order: {sent == sorted(sent)}")
        assert lost or doubled
        assert sent != sorted(sent)


def what_rings_announce(rings: list[int]) -> list[int]:
    """What a stream sends that sends the change of each ring."""
    return rings


def up_to_the_ring(rings: list[int]) -> list[int]:
    """What a stream sends that reads up to where a ring says the library is, and believes to be there itself."""
    sent, seen = list[int](), 0
    for ring in rings:
        sent += range(seen + 1, ring + 1)
        seen = ring
    return sent
