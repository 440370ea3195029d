"""Retention: what is old goes, and nobody reads a history with a hole in it."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from datasources import retention
from datasources.database import Statement
from datasources.library_history import HISTORY
from datasources.migrations import migrate
from datasources.retention import BATCH, BY_INDEX, HISTORY_KEPT, TRIM, trim_changes
from datasources.sources import Sources
from jobs import library as jobs
from settings import Settings
from tests.jobs.libraries import Library, connected

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
OLD = NOW - HISTORY_KEPT - HOUR
YOUNG = NOW - HISTORY_KEPT + HOUR


@pytest.fixture
async def pool(sources: Sources, settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Connections behind the sources' back."""
    async with connected(str(settings.database_url)) as opened:
        yield opened


@pytest.fixture
async def library(sources: Sources, pool: asyncpg.Pool) -> Library:
    return await Library.new(sources, pool)


@pytest.mark.parametrize("old", [1, 5, BATCH - 1, BATCH, 2 * BATCH + 7])
async def test_the_old_goes_and_the_young_stays(sources: Sources, library: Library, old: int) -> None:
    await library.add([OLD] * old + [YOUNG, NOW - HOUR, NOW])

    await jobs.trim(sources)

    assert await library.state() == (old + 3, old, [old + 1, old + 2, old + 3])


async def test_a_library_of_old_changes_only_is_emptied_and_goes_on_counting(
    sources: Sources, library: Library
) -> None:
    await library.add([OLD, OLD])

    await jobs.trim(sources)
    await library.add([NOW])

    assert await library.state() == (3, 2, [3])


async def test_libraries_without_old_history_are_not_touched(
    sources: Sources, pool: asyncpg.Pool, library: Library
) -> None:
    new = await Library.new(sources, pool)
    await library.add([YOUNG, NOW])
    before = [await each.rows(table) for each in (library, new) for table in ("libraries", "library_changes")]

    await jobs.trim(sources)

    assert before == [await each.rows(table) for each in (library, new) for table in ("libraries", "library_changes")]


async def test_trimming_goes_on_from_the_last_time(sources: Sources, library: Library) -> None:
    await library.add([NOW - HOUR * 3, NOW - HOUR * 2, NOW - HOUR])

    for hours, left in ((2.5, [2, 3]), (2.5, [2, 3]), (1.5, [3]), (0.5, [])):
        await trim_changes(sources, NOW - HOUR * hours)

        assert await library.state() == (3, 3 - len(left), left)


async def test_an_earlier_time_never_lowers_the_floor(sources: Sources, library: Library) -> None:
    await library.add([OLD, NOW])
    await jobs.trim(sources)

    await trim_changes(sources, OLD - HOUR)

    assert await library.state() == (2, 1, [2])


async def test_trimming_at_once_from_several_sides_removes_the_same(sources: Sources, pool: asyncpg.Pool) -> None:
    libraries = [await Library.new(sources, pool) for _ in range(8)]
    for number, each in enumerate(libraries):
        await each.add([OLD] * (number * 400) + [NOW])

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(jobs.trim(sources))

    await jobs.trim(sources)
    assert [await each.state() for each in libraries] == [(n * 400 + 1, n * 400, [n * 400 + 1]) for n in range(8)]


async def test_removed_items_are_remembered_for_ever(sources: Sources, library: Library) -> None:
    await library.pool.execute(
        "INSERT INTO library_items (user_id, item_id, item_type, present, added_at, updated_at, loved, title_key,"
        " clocks) VALUES ($1, gen_random_uuid(), 'TRACK', false, $2, $2, false, '', '{}')",
        library.user_id,
        NOW - HISTORY_KEPT * 10,
    )
    before = await library.rows("library_items")

    await jobs.trim(sources)

    assert await library.rows("library_items") == before
    assert len(before) == 1


@pytest.mark.parametrize("old", [1, 2 * BATCH + 7])
async def test_old_mutations_are_forgotten(sources: Sources, library: Library, old: int) -> None:
    await library.pool.execute(
        "INSERT INTO library_mutations (user_id, mutation_id, fingerprint, status, created_at)"
        " SELECT $1, number, '', 'APPLIED', at FROM unnest($2::timestamptz[]) WITH ORDINALITY AS times (at, number)",
        library.user_id,
        [OLD] * old + [YOUNG, NOW],
    )

    await jobs.trim(sources)

    kept = await library.pool.fetch(
        "SELECT mutation_id FROM library_mutations WHERE user_id = $1 ORDER BY created_at", library.user_id
    )
    assert [row["mutation_id"] for row in kept] == [str(old + 1), str(old + 2)]


async def test_entries_removed_long_ago_are_forgotten(sources: Sources, library: Library) -> None:
    playlist = await library.pool.fetchval(
        "INSERT INTO playlists (owner_id, name, visibility, renamed) VALUES ($1, 'Mine', 'PRIVATE', '[]') RETURNING id",
        library.user_id,
    )
    await library.pool.execute(
        "INSERT INTO playlist_entries (playlist_id, entry_id, track_id, position, duration_ms, added_at, placed,"
        " removed_at) SELECT $1, gen_random_uuid(), gen_random_uuid(), number, 1, $2, '[]', at"
        " FROM unnest($3::timestamptz[]) WITH ORDINALITY AS times (at, number)",
        playlist,
        NOW - HISTORY_KEPT * 2,
        [None, OLD, None, *[OLD] * (2 * BATCH), YOUNG],
    )

    await jobs.trim(sources)

    kept = await library.pool.fetch(
        "SELECT removed_at FROM playlist_entries WHERE playlist_id = $1 ORDER BY position", playlist
    )
    assert [row["removed_at"] for row in kept] == [None, None, YOUNG]


async def read(sources: Sources, library: Library, since: int, size: int) -> tuple[int, int, list[int]]:
    """Head, floor, and the positions after `since`, in the one statement that devices' reads are."""
    rows = await sources.database.fetch(HISTORY, user_id=library.user_id, since=since, size=size)
    return rows[0].head, rows[0].floor, [row.sync_token for row in rows if row.sync_token is not None]


async def test_the_floor_and_the_removal_become_visible_together(sources: Sources, library: Library) -> None:
    await library.add([OLD, OLD, NOW])

    async with sources.database.transaction() as trimming:
        await trimming.execute(TRIM, user_id=library.user_id, before=NOW - HISTORY_KEPT)
        assert await read(sources, library, 0, 10) == (3, 0, [1, 2, 3])

    assert await read(sources, library, 0, 10) == (3, 2, [3])


async def test_whoever_reads_the_floor_first_misses_changes(sources: Sources, library: Library) -> None:
    """The control: two statements, and a hole that the reader takes for the whole."""
    await library.add([OLD, OLD, NOW])
    since = 0

    floor = await library.pool.fetchval("SELECT floor FROM libraries WHERE user_id = $1", library.user_id)
    await jobs.trim(sources)
    _, floor_by_now, positions = await read(sources, library, since, 10)

    assert since >= floor, "it believes that nothing is missing"
    assert positions == [3], "and 1 and 2 are"
    assert since < floor_by_now, "one statement would have told"


async def test_no_reader_sees_a_hole_while_trimming_and_writing_go_on(sources: Sources, library: Library) -> None:
    steps, step = 60, 20
    seconds = [NOW - timedelta(seconds=steps * step - number) for number in range(steps * step)]
    await library.add(seconds)
    trimmed, floors, whole, refused = asyncio.Event(), set(), 0, 0

    async def trim() -> None:
        for number in range(1, steps + 1):
            await trim_changes(sources, seconds[number * step - 1])
        trimmed.set()

    async def write() -> None:
        while not trimmed.is_set():
            await library.add([datetime.now(UTC)] * random.randint(1, 3))

    async def follow() -> None:
        nonlocal whole, refused
        while not trimmed.is_set():
            known, _, _ = await library.state()
            since, size = random.randint(0, known), random.choice((1, 7, 100, 10_000))
            head, floor, positions = await read(sources, library, since, size)
            floors.add(floor)
            if since < floor:
                refused += 1
            else:
                assert positions == list(range(since + 1, min(head, since + size) + 1))
                whole += 1

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for work in (trim, write, write, follow, follow, follow):
            group.create_task(work())

    head, floor, positions = await library.state()
    assert floor == steps * step - 1
    assert positions == list(range(floor + 1, head + 1))
    assert len(floors) > steps / 4
    assert whole > steps
    assert refused > steps


AGED = """
SET session_replication_role = replica;  -- without the listeners that these rows would be of
INSERT INTO library_changes SELECT uuidv7(), 1, '', '', uuidv7(), '{}', 1, now(), now() - n * interval '1 s'
    FROM generate_series(1, 100000) n ORDER BY random();
INSERT INTO library_mutations SELECT uuidv7(), n, '', '', '', now() - n * interval '1 s'
    FROM generate_series(1, 100000) n ORDER BY random();
INSERT INTO playlist_entries SELECT uuidv7(), uuidv7(), uuidv7(), 1, 1, now(), '[]',
    CASE WHEN n % 10 = 0 THEN now() - n * interval '1 s' END FROM generate_series(1, 100000) n ORDER BY random();
ANALYZE
"""
"""Tables that have been written to and trimmed for long: rows are where there was room."""


async def plan(connection: asyncpg.Connection, statement: Statement) -> str:
    """How the database goes about it when it no longer looks at the parameters."""
    name = f"it_{uuid4().hex}"
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE {name} AS {statement.text}")
    rows = await connection.fetch(f"EXPLAIN EXECUTE {name} ('{OLD}', {BATCH})")
    return "\n".join(row[0] for row in rows)


async def test_what_is_old_is_found_by_the_index_of_ages(own_settings: Settings) -> None:
    await migrate(str(own_settings.database_url))
    statements = {
        "library_changes_by_age": retention.WITH_OLD_CHANGES,
        "library_mutations_by_age": retention.FORGET_MUTATIONS,
        "playlist_entries_removed": retention.FORGET_REMOVED_ENTRIES,
    }
    async with connected(str(own_settings.database_url)) as pool, pool.acquire() as connection:
        await connection.execute(AGED)
        async with connection.transaction():
            # The control: this is what BY_INDEX is for.
            assert "Seq Scan" in await plan(connection, retention.WITH_OLD_CHANGES)
        async with connection.transaction():
            await connection.execute(BY_INDEX.text)
            for index, statement in statements.items():
                chosen = await plan(connection, statement)
                assert f"on {index}" in chosen or f"using {index}" in chosen, chosen
                assert "Seq Scan" not in chosen
