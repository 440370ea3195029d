"""Playlists of ten thousand entries in PostgreSQL: what a page and an edit of them cost, anywhere."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from datasources.accounts import add_user
from datasources.database import Statement, count_statements
from datasources.playlist_entries import (
    KNOWN,
    PAGES,
    EntryPage,
    PlaylistEntryRow,
    entry_from,
    entry_pages,
    known_entries,
    make_room,
    write_entries,
    write_view,
)
from datasources.sources import Sources
from datasources.tables.playlists import playlist_entries, playlists
from domain.clocks import Clock
from domain.library import Visibility
from domain.playlist_views import Entry, View
from domain.playlists import Edit, merge, names
from settings import Settings
from tests.fixtures import playlists as fixture
from tests.fixtures.playlists import DURATIONS, EARLY, LATER, NAME, NOW, START, TRACKS, Stored, at, move, remove

ADD = Statement(
    insert(playlists)
    .values(
        owner_id=bindparam("owner"),
        name=NAME,
        visibility=Visibility.PRIVATE.value,
        renamed=bindparam("clock", type_=JSONB),
    )
    .returning(playlists.c.id)
)
ALL = Statement(select(playlist_entries).where(playlist_entries.c.playlist_id == bindparam("playlist")))
LENGTH = 10_000


async def new_playlist(sources: Sources, entries: Sequence[Entry] = ()) -> UUID:
    name = uuid4().hex
    user = await add_user(
        sources, username=name, username_key=name, password_hash="", display_name=name, tier="FREE", role="USER"
    )
    assert user
    async with sources.database.transaction() as connection:
        playlist = (await connection.fetch(ADD, owner=user.id, clock=EARLY))[0].id
        await write_entries(connection, playlist, entries)
    assert isinstance(playlist, UUID)
    return playlist


def entries_of(stored: Stored) -> list[Entry]:
    return list(stored.entries.values())


async def rows(sources: Sources, playlist: UUID) -> dict[UUID, Entry]:
    found = [entry_from(row) for row in await sources.database.fetch(ALL, playlist=playlist)]
    return {entry.id: entry for entry in found}


async def edit(sources: Sources, playlist: UUID, *edits: Edit, clock: Clock = LATER) -> View:
    async with sources.database.transaction() as connection:
        known = await known_entries(connection, playlist, names(edits))
        view = View.of(known, name=NAME, renamed=EARLY, track_count=0, duration_ms=0)
        merge(view, edits, clock, now=NOW, durations=DURATIONS)
        await write_view(connection, playlist, view)
    return view


class Long(NamedTuple):
    """A playlist of ten thousand entries, of which every tenth was removed, among others as long."""

    id: UUID
    stored: Stored


@pytest.fixture(scope="module")
async def long(sources: Sources) -> Long:
    stored = Stored.of(*range(1, LENGTH + 1), removed=range(10, LENGTH + 1, 10))
    ids = [await new_playlist(sources, entries_of(stored)) for _ in range(3)]
    return Long(ids[1], stored)


async def test_entries_come_back_as_they_were_written(sources: Sources) -> None:
    stored = Stored.of(1, 2, 3, removed=[2])
    playlist = await new_playlist(sources, entries_of(stored))
    assert await rows(sources, playlist) == stored.entries

    stored.edit(move(3, 1), fixture.insert(9, 1, 2), remove(1), clock=at(1.000001, "mutation"))
    async with sources.database.transaction() as connection:
        with count_statements() as statements:
            await write_entries(connection, playlist, entries_of(stored))
            await write_entries(connection, playlist, [])
    assert len(statements) == 1
    assert await rows(sources, playlist) == stored.entries


@pytest.mark.parametrize("named", [[], [1], [9_999], [5_000], [2, 3, 4], [10_000, 7_777_777], range(2_000, 3_000)])
async def test_a_view_is_one_statement(sources: Sources, long: Long, named: Sequence[int]) -> None:
    ids = {UUID(int=number) for number in named}
    async with sources.database.transaction() as connection:
        with count_statements() as statements:
            known = await known_entries(connection, long.id, ids)
    assert len(statements) == 1
    assert {entry.id: entry for entry in known} == {entry.id: entry for entry in long.stored.known(ids)}


async def test_edits_in_the_database_are_edits_in_memory(sources: Sources) -> None:
    stored = Stored.of(*range(1, 40), removed=range(5, 40, 5))
    playlist = await new_playlist(sources, entries_of(stored))
    for number in range(100, 300):
        after = (number * 7) % 39 + 1 if number % 3 == 0 else 17
        edits = [fixture.insert(number, after), move(number % 39 + 1, 20), remove((number * 5) % 97 + 1)]
        edits = [one for one in edits if names([one]) <= stored.entries.keys() | {UUID(int=number)}]
        edits = [one for one in edits if one.entry_id != one.after]
        stored.edit(*edits, clock=at(number))
        await edit(sources, playlist, *edits, clock=at(number))
    assert stored.renumbered > 0
    assert await rows(sources, playlist) == stored.entries


async def test_another_playlists_entries_are_not_known(sources: Sources, long: Long) -> None:
    playlist = await new_playlist(sources, entries_of(Stored.of(1, 2)))
    async with sources.database.transaction() as connection:
        known = await known_entries(connection, playlist, {UUID(int=2), UUID(int=3)})
    assert {entry.id.int for entry in known} == {1, 2}


async def test_room_is_made_in_two_statements(sources: Sources) -> None:
    stored = Stored.of(*range(1, LENGTH + 1), removed=[5_001, 5_002])
    # Three of them have no double between.
    for number, position in ((5_001, 5_000.0), (5_002, 5_000.0000000000009)):
        entry = stored.entries[UUID(int=number)]
        stored.keep(Entry(entry.id, entry.track_id, position, 1_000, START, EARLY, entry.removed_at))
    playlist = await new_playlist(sources, entries_of(stored))
    order = [id for _, id in stored.places]

    async with sources.database.transaction() as connection:
        with count_statements() as statements:
            positions = await make_room(connection, playlist, UUID(int=5_000), 1)

    assert len(statements) == 2
    assert positions == stored.make_room(UUID(int=5_000), 1)
    assert {id.int for id in positions} == set(range(4_992, 5_011))
    assert await rows(sources, playlist) == stored.entries
    assert [id for _, id in stored.places] == order


async def test_an_edit_that_needs_room_gets_it(sources: Sources) -> None:
    playlist = await new_playlist(sources, entries_of(Stored.of(1, 2, 3)))
    counts = []
    for number in range(10, 100):
        with count_statements() as statements:
            await edit(sources, playlist, fixture.insert(number, 2))
        counts.append(len(statements))
    shown = (await entry_pages(sources, [EntryPage(playlist, None, 100)]))[0]

    assert shown
    assert [row.id.int for row in shown] == [1, 2, *range(99, 9, -1), 3]
    # Known, written; now and then room is made, in two more.
    assert set(counts) == {2, 4}
    assert counts.count(4) < 4


async def test_pages_in_order(sources: Sources, long: Long) -> None:
    shown = long.stored.shown()
    seen: list[int] = []
    after = None
    while True:
        with count_statements() as statements:
            page = (await entry_pages(sources, [EntryPage(long.id, after, 700)]))[0]
        assert len(statements) == 1
        assert page is not None
        seen += [row.id.int for row in page[:700]]
        if len(page) <= 700:
            break
        after = page[699].id
    assert seen == shown
    assert isinstance(page[0], PlaylistEntryRow)
    assert (page[0].track_id, page[0].added_at) == (TRACKS[0], START)


async def test_pages_of_one_size_are_one_statement(sources: Sources, long: Long) -> None:
    few = await new_playlist(sources, entries_of(Stored.of(3, 1, 2, removed=[1])))
    empty = await new_playlist(sources)
    asked = [
        EntryPage(few, None, 2),
        EntryPage(long.id, UUID(int=9), 2),
        EntryPage(empty, None, 2),
        EntryPage(few, UUID(int=2), 2),
        EntryPage(few, UUID(int=9), 2),
        EntryPage(long.id, None, 2),
        # A removed entry's place is still a place.
        EntryPage(few, UUID(int=1), 2),
        EntryPage(empty, UUID(int=1), 2),
        EntryPage(few, None, 1),
    ]
    with count_statements() as statements:
        pages = await entry_pages(sources, asked)
    assert len(statements) == 2
    assert [page and [row.id.int for row in page] for page in pages] == [
        [3, 2],
        [11, 12, 13],
        [],
        [],
        None,
        [1, 2, 3],
        [2],
        None,
        [3, 2],
    ]


async def test_a_page_goes_on_from_where_its_cursor_is_by_now(sources: Sources) -> None:
    playlist = await new_playlist(sources, entries_of(Stored.of(1, 2, 3, 4, 5)))

    async def shown_after(number: int) -> list[int]:
        page = (await entry_pages(sources, [EntryPage(playlist, UUID(int=number), 10)]))[0]
        return [row.id.int for row in page or ()]

    await edit(sources, playlist, remove(3))
    assert await shown_after(3) == [4, 5]
    await edit(sources, playlist, fixture.insert(9, 3))
    assert await shown_after(3) == [9, 4, 5]
    await edit(sources, playlist, move(1, 4))
    assert await shown_after(1) == [5]


class Plan(NamedTuple):
    """What a statement did: the indexes that it used, whether it read a table otherwise, and 8 kB pages touched."""

    indexes: set[str]
    scans: set[str]
    buffers: int
    most_rows: int


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def analysed(sources: Sources, settings: Settings, long: Long, request: Any) -> AsyncIterator[Any]:
    """Explains a statement, as planned for its values and as planned for any: asyncpg's prepared ones may be either."""
    connection = await asyncpg.connect(str(settings.database_url))
    await connection.execute(f"SET plan_cache_mode = {request.param}")
    await connection.execute("VACUUM ANALYZE playlist_entries")

    async def explain(statement: Statement, **values: Any) -> Plan:
        text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}"
        plan = json.loads(await connection.fetchval(text, *statement.arguments(values)))[0]["Plan"]
        every = list(nodes(plan))
        return Plan(
            indexes={node["Index Name"] for node in every if "Index Name" in node},
            scans={node["Node Type"] for node in every if "Scan" in node["Node Type"] and "Relation Name" in node},
            buffers=plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
            most_rows=max(int(node["Actual Rows"] * node["Actual Loops"]) for node in every),
        )

    yield explain
    await connection.close()


ANYWHERE = [1, 2, 2_500, 5_000, 9_990, 9_999]


@pytest.mark.parametrize("after", [None, *ANYWHERE])
async def test_a_page_costs_the_same_anywhere(analysed: Any, long: Long, after: int | None) -> None:
    plan = await analysed(PAGES, playlists=[long.id], cursors=[after and UUID(int=after)], size=101)
    assert plan.indexes == {"playlist_entries_pkey", "playlist_entries_in_order"}
    assert plan.scans <= {"Index Scan", "Index Only Scan"}
    assert plan.most_rows <= 101
    assert plan.buffers <= 3 + 3 + 101


@pytest.mark.parametrize("number", ANYWHERE)
async def test_a_view_costs_the_same_anywhere(analysed: Any, long: Long, number: int) -> None:
    plan = await analysed(KNOWN, playlist=long.id, keys=[UUID(int=number), UUID(int=number + 1)])
    assert plan.indexes == {"playlist_entries_pkey", "playlist_entries_in_order"}
    assert plan.scans <= {"Index Scan", "Index Only Scan"}
    assert plan.most_rows <= 7
    assert plan.buffers <= 40


async def test_a_view_of_a_thousand_entries_costs_a_thousand_views(analysed: Any, long: Long) -> None:
    plan = await analysed(KNOWN, playlist=long.id, keys=[UUID(int=number) for number in range(1, 10_000, 10)])
    assert plan.most_rows <= 3_001
    assert plan.buffers <= 1_000 * 12
