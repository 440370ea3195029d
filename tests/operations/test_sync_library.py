"""`syncLibrary`: what a device did offline, handed in, and what becomes of each change."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from datasources.sources import Sources
from domain.accounts import Role
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.library import (
    SHOW,
    SYNC,
    Device,
    Listener,
    Music,
    insert,
    move,
    publish,
    rename,
    shown,
    sql,
    take_out,
    told,
)

NOBODY = "01920000-0000-7000-8000-000000000000"
FUTURE = "2100-01-01T00:00:00Z"
APPLIED = ("APPLIED", None)
DUPLICATE = ("DUPLICATE", None)
BEATEN = ("REJECTED", "NEWER_CHANGE_EXISTS")
NOT_FOUND = ("REJECTED", "NOT_FOUND")
INVALID = ("REJECTED", "INVALID")


@pytest.fixture
async def listener(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings) as opened:
        yield opened


@pytest.fixture
async def curator(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings, Role.CURATOR) as opened:
        yield opened


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture(scope="module")
async def music(sources: Sources) -> Music:
    return await publish(sources, 12)


def became(result: Any) -> list[tuple[str, str | None]]:
    return [(outcome["status"], outcome["reason"]) for outcome in result["outcomes"]]


def states(result: Any) -> list[tuple[bool, int | None] | None]:
    """What the server holds of each changed item."""
    held = [outcome["serverState"] for outcome in result["outcomes"]]
    return [state and (state["loved"], state["rating"]) for state in held]


# ----------------------------------------------------------------------------------------- applied


async def test_what_was_done_offline_is_applied_in_order(listener: Listener, music: Music, device: Device) -> None:
    since = await listener.token()
    changes = [
        device.add(music.album),
        device.update(music.album, loved=True),
        device.update(music.album, rating=4, loved=None),
        device.add(music.artist),
        device.remove(music.artist),
        device.add(music.tracks[0]),
    ]

    answer = await listener.ask(SYNC, changes=changes, since=since)

    result = answer.data["syncLibrary"]
    assert became(result) == [APPLIED] * 6
    assert states(result) == [*[(True, 4)] * 3, None, None, (False, None)]
    assert [outcome["mutationId"] for outcome in result["outcomes"]] == [change["mutationId"] for change in changes]
    assert await listener.held() == {music.album: (True, 4), music.tracks[0]: (False, None)}
    state = result["outcomes"][0]["serverState"]
    assert state["addedAt"] == changes[0]["occurredAt"]
    assert state["updatedAt"] == changes[2]["occurredAt"]
    assert result["delta"] == {
        "since": since,
        "syncToken": await listener.token(),
        "hasMore": False,
        "mustRefresh": False,
        "changes": [],
    }
    history = (await listener.changes(since))["changes"]
    assert [change["type"] for change in history] == ["ADD", "UPDATE", "UPDATE", "ADD", "REMOVE", "ADD"]
    assert [change["occurredAt"] for change in history] == [change["occurredAt"] for change in changes]
    # The lock; the items; the things; the mutations; their outcomes; the items written, the changes, the head; the
    # history.
    assert len(answer.statements) == 9


async def test_handing_in_nothing_is_asking_what_is_new(listener: Listener, music: Music) -> None:
    since = await listener.token()
    delta = await listener.add(music.album)

    result = await listener.sync(since=since)

    assert result["outcomes"] == []
    assert result["delta"]["changes"] == delta["changes"]
    assert (await listener.sync())["delta"]["changes"] == delta["changes"], "without a token, from the beginning"


async def test_a_device_that_was_away_for_long_is_late(listener: Listener, music: Music) -> None:
    change = Device().add(music.album, at="1970-01-01T00:00:00Z")

    assert await listener.outcome(change) == APPLIED

    (told_,) = (await listener.changes(await listener.token_at(0)))["changes"]
    assert datetime.fromisoformat(told_["occurredAt"]) == datetime(1970, 1, 1, tzinfo=UTC)
    assert await listener.outcome(Device().remove(music.album, at="1969-12-31T23:59:59Z")) == BEATEN


async def test_a_device_in_another_zone_means_the_same_moment(listener: Listener, music: Music) -> None:
    assert await listener.outcome(Device().add(music.album, at="2026-11-22T01:00:00+14:00")) == APPLIED
    assert await listener.outcome(Device().remove(music.album, at="2026-11-21T11:30:00+00:00")) == APPLIED
    assert await listener.outcome(Device().update(music.album, at="2026-11-21T06:15:00-05:00", loved=True)) == BEATEN


# --------------------------------------------------------------------------------------- beaten, not found


async def test_what_others_did_later_stays(listener: Listener, music: Music) -> None:
    one, other = Device(), Device()
    await listener.sync(one.add(music.album), one.add(music.artist), one.add(music.tracks[0]))
    early = [
        one.remove(music.album),
        one.update(music.artist, loved=False, rating=1),
        one.update(music.tracks[0], rating=1),
        one.add(music.tracks[1]),
    ]
    other.at = one.at
    await listener.sync(
        other.update(music.album, loved=True),
        other.update(music.artist, loved=True),
        other.remove(music.tracks[0]),
        other.add(music.tracks[1]),
        other.remove(music.tracks[1]),
    )
    before = await listener.token()

    result = await listener.sync(*early)

    assert became(result) == [BEATEN, APPLIED, BEATEN, BEATEN]
    assert states(result) == [(True, None), (True, 1), None, None]
    assert told(await listener.changes(before)) == [("UPDATE", "ARTIST", music.artist)]
    assert await listener.held() == {music.album: (True, None), music.artist: (True, 1)}


async def test_what_is_rejected_has_no_effect_whatever(listener: Listener, music: Music, device: Device) -> None:
    await listener.add(music.album)
    await listener.remove(music.album)
    await listener.add(music.artist)
    kept = [row for row in await listener.kept() if not row.startswith(("library ", "mutation "))]
    head = await listener.head()

    result = await listener.sync(
        device.add(music.album),
        device.update(music.album, loved=True),
        device.remove(music.artist),
        device.add(NOBODY),
        device.update(NOBODY, rating=1),
        device.update(music.tracks[5], rating=1),
        device.add("x"),
    )

    assert became(result) == [*[BEATEN] * 3, *[NOT_FOUND] * 3, INVALID]
    assert await listener.head() == head
    assert [row for row in await listener.kept() if not row.startswith(("library ", "mutation "))] == kept


async def test_a_later_update_brings_back_what_was_removed(listener: Listener, music: Music) -> None:
    device = Device()
    await listener.sync(device.add(music.album), device.update(music.album, rating=5), device.remove(music.album))

    result = await listener.sync(device.update(music.album, loved=True))

    assert (became(result), states(result)) == ([APPLIED], [(True, None)])
    changes = (await listener.changes(await listener.token_at(3)))["changes"]
    assert [change["type"] for change in changes] == ["ADD"]
    assert changes[0]["item"]["addedAt"] == changes[0]["occurredAt"], "it is there since then"


async def test_removing_what_is_not_there_needs_nothing(listener: Listener, music: Music, device: Device) -> None:
    head = await listener.head()

    result = await listener.sync(device.remove(music.album), device.remove(NOBODY), device.remove(music.artist))

    assert (became(result), states(result)) == ([APPLIED] * 3, [None] * 3)
    assert await listener.head() == head
    assert await listener.outcome(device.add(music.album, at="2020-01-01T00:00:00Z")) == BEATEN


# ------------------------------------------------------------------------------------------ invalid

BAD: dict[str, dict[str, Any]] = {
    "no id": {"itemId": "x"},
    "an empty id": {"itemId": ""},
    "half a character for an id": {"itemId": "\ud800"},
    "a long id": {"itemId": "x" * 100_000},
    "no zone": {"occurredAt": "2026-11-22T12:00:00"},
    "ADD with a field": {"type": "ADD", "loved": True},
    "ADD with a rating": {"type": "ADD", "rating": None},
    "ADD with edits": {"type": "ADD", "playlistEdits": [{"kind": "RENAME", "name": "x"}]},
    "REMOVE with a field": {"type": "REMOVE", "rating": 3},
    "nothing to update": {},
    "loved null": {"loved": None},
    "no edits": {"playlistEdits": []},
    "rating 0": {"rating": 0},
    "rating 6": {"rating": 6},
    "rating 2147483647": {"rating": 2**31 - 1, "loved": True},
    "edits of an album": {"playlistEdits": [{"kind": "RENAME", "name": "x"}]},
    "an edit with half a character": {"playlistEdits": [{"kind": "RENAME", "name": "\ud800"}]},
    "an edit with a broken id": {"playlistEdits": [{"kind": "REMOVE", "entryId": "\udfff"}]},
    "an edit without an id": {"playlistEdits": [{"kind": "REMOVE", "entryId": "x"}]},
    "no mutation id": {"mutationId": "", "loved": True},
    "a long mutation id": {"mutationId": "x" * 65, "loved": True},
    "a mutation id with NUL": {"mutationId": "a\0b", "loved": True},
    "half a character for a mutation id": {"mutationId": "\ud800", "loved": True},
}


@pytest.mark.parametrize("name", BAD)
async def test_what_makes_no_sense_is_invalid_and_the_rest_is_applied(
    listener: Listener, music: Music, device: Device, name: str
) -> None:
    await listener.sync(device.add(music.album), device.update(music.album, loved=False))
    bad = device.update(music.album) | BAD[name]

    result = await listener.sync(device.add(music.artist), bad, device.add(music.tracks[0]))

    assert became(result) == [APPLIED, INVALID, APPLIED]
    assert result["outcomes"][1]["mutationId"] == bad["mutationId"]
    assert await listener.held() == {
        music.album: (False, None),
        music.artist: (False, None),
        music.tracks[0]: (False, None),
    }
    assert states(result)[1] == ((False, None) if bad["itemId"] == music.album else None), "what there is, is told"
    assert became(await listener.sync(bad)) == [INVALID], "and again"


@pytest.mark.parametrize(
    "occurred_at",
    [
        "",
        "yesterday",
        "2026-13-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "1700000000",
        1700000000,
        None,
        "2016-12-31T23:59:59+00:00:01",
    ],
)
async def test_what_is_no_time_is_refused(
    listener: Listener, music: Music, device: Device, occurred_at: object
) -> None:
    before = await listener.kept()
    change = device.add(music.album) | {"occurredAt": occurred_at}

    answer = await listener.ask(SYNC, changes=[device.add(music.artist), change])

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.statements == []
    assert await listener.kept() == before


@pytest.mark.parametrize(
    "occurred_at",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00.000001+00:00",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-14:00",
        "2020-01-01T00:00:00+23:59",
    ],
)
async def test_strange_times_do_no_harm(listener: Listener, music: Music, device: Device, occurred_at: str) -> None:
    """Whatever becomes of the change: the library can be read, and written to, afterwards."""
    since = await listener.token_at(0)
    id = (await listener.create(music.tracks[0]))["id"]
    edits = [insert(music.tracks[1]), rename("Evenings")]

    result = await listener.sync(
        device.add(music.album, at=occurred_at),
        device.update(music.album, at=occurred_at, loved=True),
        device.update(id, at=occurred_at, playlistEdits=edits),
        device.add(music.artist),
        since=since,
    )

    assert became(result)[3] == APPLIED
    for status, reason in became(result)[:3]:
        assert (status, reason) in (APPLIED, INVALID, BEATEN)
    assert (await listener.changes(since))["changes"][-1]["itemId"] == music.artist
    items = await listener.ask("{ viewer { library { items { edges { node { id addedAt updatedAt } } } } } }")
    assert {edge["node"]["id"] for edge in items.data["viewer"]["library"]["items"]["edges"]} == set(
        await listener.held()
    )
    assert (await listener.playlist(id))["trackCount"] in (1, 2)
    await listener.add(music.tracks[0], music.album)
    await listener.update(music.album, rating=3)
    assert (await listener.held())[music.album][1] == 3
    assert (await listener.edit(id, rename("Nights")))["name"] == "Nights"
    await listener.remove(music.album)
    assert music.album not in await listener.held()


async def test_ten_thousand_and_one_changes_are_refused(listener: Listener, music: Music, device: Device) -> None:
    before = await listener.kept()
    changes = [device.add(music.album) for _ in range(10_001)]

    answer = await listener.ask(SYNC, changes=changes)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [
        "At most 10,000 changes are handed in at once; these are 10,001. "
        "None was applied: send them in several calls, oldest first."
    ]
    assert answer.statements == []
    assert await listener.kept() == before


@pytest.mark.parametrize("first", [0, -1, 1001])
async def test_sizes_outside_1_to_1000_are_refused(
    listener: Listener, music: Music, device: Device, first: int
) -> None:
    before = await listener.kept()

    answer = await listener.ask(SYNC, changes=[device.add(music.album)], first=first)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"`first` must be between 1 and 1,000; it is {first}."]
    assert await listener.kept() == before


# -------------------------------------------------------------------------------------- once and once only


async def test_the_same_again_changes_nothing(listener: Listener, music: Music, device: Device) -> None:
    await listener.add(music.tracks[0])
    changes = [
        device.add(music.album),
        device.update(music.album, loved=True),
        device.remove(music.artist),
        device.remove(music.tracks[0]),
        device.add(NOBODY),
        device.update(music.album, rating=6),
    ]
    first = await listener.sync(*changes)
    assert became(first) == [APPLIED, APPLIED, APPLIED, BEATEN, NOT_FOUND, INVALID]
    kept = [row for row in await listener.kept() if not row.startswith("library ")]

    again = await listener.sync(*changes)

    assert became(again) == [DUPLICATE, DUPLICATE, DUPLICATE, BEATEN, NOT_FOUND, INVALID]
    assert states(again) == states(first)
    assert [row for row in await listener.kept() if not row.startswith("library ")] == kept
    # Also when it has been undone since: it is not done again.
    await listener.remove(music.album)
    assert became(await listener.sync(*changes))[:2] == [DUPLICATE, DUPLICATE]
    assert music.album not in await listener.held()


async def test_the_first_outcome_stays_whatever_is_so_by_now(
    listener: Listener, sources: Sources, device: Device, music: Music
) -> None:
    late = device.add(music.album)
    await listener.add(music.album)
    await listener.remove(music.album)
    assert await listener.outcome(late) == BEATEN
    await listener.add(music.album)

    result = await listener.sync(late)

    assert (became(result), states(result)) == ([BEATEN], [(False, None)])


@pytest.mark.parametrize(
    "other",
    [
        {"type": "REMOVE", "loved": None},
        {"itemId": NOBODY},
        {"occurredAt": "2026-11-22T00:00:00Z"},
        {"loved": False},
        {"rating": 3},
        {"rating": None},
        {"playlistEdits": [{"kind": "RENAME", "name": "x"}]},
    ],
    ids=str,
)
async def test_an_id_used_for_something_else_is_invalid(
    listener: Listener, music: Music, device: Device, other: dict[str, Any]
) -> None:
    change = device.update(music.album, loved=True)
    await listener.sync(device.add(music.album) | {"occurredAt": "2020-01-01T00:00:00Z"}, change)
    before = [row for row in await listener.kept() if not row.startswith("library ")]

    assert await listener.outcome(change | other) == INVALID

    assert [row for row in await listener.kept() if not row.startswith("library ")] == before
    assert await listener.outcome(change) == DUPLICATE


async def test_the_same_twice_in_one_call(listener: Listener, music: Music, device: Device) -> None:
    add, bad = device.add(music.album), device.update(music.album, rating=6)

    result = await listener.sync(add, add, add | {"itemId": music.artist}, bad, bad)

    assert became(result) == [APPLIED, DUPLICATE, INVALID, INVALID, INVALID]
    assert await listener.head() == 1
    assert list(await listener.held()) == [music.album]


async def test_the_same_twice_far_apart_in_one_call(listener: Listener, music: Music, device: Device) -> None:
    add = device.add(music.album)
    between = [device.update(music.album, rating=1 + number % 5) for number in range(1200)]

    result = await listener.sync(add, *between, add, between[0], between[0] | {"rating": 5})

    assert became(result) == [APPLIED] * 1201 + [DUPLICATE, DUPLICATE, INVALID]
    assert await listener.head() == 1201


async def test_mutation_ids_are_each_librarys_own(
    listener: Listener, curator: Listener, music: Music, device: Device
) -> None:
    change = device.add(music.album)

    assert await listener.outcome(change) == APPLIED
    assert await curator.outcome(change) == APPLIED


async def test_the_same_sent_again_at_once_is_applied_once(listener: Listener, music: Music, device: Device) -> None:
    """A device that does not wait for the answer it has asked for."""
    changes = [device.add(music.album), device.update(music.album, loved=True), device.add(music.artist)]

    results = await asyncio.gather(*(listener.sync(*changes) for _ in range(6)))

    assert sorted(became(result) for result in results) == [[APPLIED] * 3] + [[DUPLICATE] * 3] * 5
    assert await listener.head() == 3


# ----------------------------------------------------------------------------------- clocks that are ahead


async def test_a_clock_that_is_ahead_keeps_the_order_sent(listener: Listener, music: Music) -> None:
    ahead = Device(datetime.now(UTC) + timedelta(days=30_000))
    changes = [ahead.add(music.album), ahead.update(music.album, loved=True), ahead.remove(music.album)]
    changes += [ahead.add(music.album), ahead.update(music.album, rating=1), ahead.update(music.album, rating=2)]
    now = datetime.now(UTC)

    result = await listener.sync(*changes)

    assert became(result) == [APPLIED] * 6
    assert await listener.held() == {music.album: (False, 2)}
    times = [
        datetime.fromisoformat(change["occurredAt"])
        for change in (await listener.changes(await listener.token_at(0)))["changes"]
    ]
    assert times == sorted(set(times))
    assert times[0] > now - timedelta(seconds=1)
    assert times[-1] <= datetime.now(UTC)


async def test_a_clock_that_is_ahead_does_not_win_for_ever(listener: Listener, music: Music) -> None:
    await listener.sync(Device().add(music.album, at=FUTURE), Device().update(music.album, at=FUTURE, rating=1))

    await listener.update(music.album, rating=5)
    assert await listener.held() == {music.album: (False, 5)}
    await listener.remove(music.album)
    assert await listener.held() == {}


async def test_a_clock_that_is_ahead_keeps_the_order_from_call_to_call(listener: Listener, music: Music) -> None:
    """Also where the library's own time is ahead of this server's, and goes on by microseconds."""
    await listener.sql("UPDATE libraries SET clock = clock + interval '1 hour' WHERE user_id = :user_id")
    assert await listener.outcome(Device().add(music.album, at=FUTURE)) == APPLIED

    others = [Device().add(track, at=FUTURE) for track in music.tracks]
    result = await listener.sync(Device().remove(music.album, at=FUTURE), *others)

    assert became(result) == [APPLIED] * 13
    assert music.album not in await listener.held()


# ---------------------------------------------------------------------------------------- the delta


async def test_the_delta_leaves_out_what_was_just_applied(listener: Listener, music: Music, device: Device) -> None:
    """But where others changed the same item, it tells it all, in order."""
    since = await listener.token()
    await listener.add(music.tracks[0], music.tracks[1])
    await listener.update(music.tracks[0], loved=True)

    result = await listener.sync(
        device.add(music.album),
        device.change("UPDATE", music.tracks[0], at=FUTURE, rating=4),
        device.add(music.artist),
        since=since,
    )

    assert became(result) == [APPLIED] * 3
    assert told(result["delta"]) == [
        ("ADD", "TRACK", music.tracks[0]),
        ("ADD", "TRACK", music.tracks[1]),
        ("UPDATE", "TRACK", music.tracks[0]),
        ("UPDATE", "TRACK", music.tracks[0]),
    ]
    assert result["delta"]["changes"][-1]["item"]["rating"] == 4
    assert result["delta"]["syncToken"] == await listener.token()
    assert (await listener.changes(result["delta"]["syncToken"]))["changes"] == []


async def test_a_delta_that_has_more_leaves_nothing_out(listener: Listener, music: Music, device: Device) -> None:
    since = await listener.token()
    await listener.add(*music.tracks[:3])
    mine = [device.add(music.album), device.add(music.artist)]

    result = await listener.sync(*mine, since=since, first=4)

    assert told(result["delta"])[3] == ("ADD", "ALBUM", music.album)
    assert result["delta"]["hasMore"] is True
    assert result["delta"]["syncToken"] == await listener.token_at(4)
    rest = await listener.changes(result["delta"]["syncToken"])
    assert (told(rest), rest["hasMore"]) == ([("ADD", "ARTIST", music.artist)], False)

    whole = await listener.sync(*mine, since=since, first=5)
    assert became(whole) == [DUPLICATE] * 2
    assert len(whole["delta"]["changes"]) == 5, "an earlier call's changes are not this one's"


async def test_a_delta_of_just_ones_own(listener: Listener, music: Music, device: Device) -> None:
    since = await listener.token()

    result = await listener.sync(device.add(music.album), device.add(music.artist), since=since, first=1)
    assert (result["delta"]["hasMore"], len(result["delta"]["changes"])) == (True, 1)

    result = await listener.sync(device.add(music.tracks[0]), since=await listener.token(), first=1)
    assert (result["delta"]["hasMore"], result["delta"]["changes"]) == (False, [])
    assert result["delta"]["syncToken"] == await listener.token()


async def test_what_had_no_effect_is_in_no_delta(listener: Listener, music: Music) -> None:
    """Somebody else's change of the item is told, and one's own that lost to it is not in the history."""
    late = Device().update(music.album, at="2020-01-02T00:00:00Z", loved=False)
    await listener.sync(Device().add(music.album, at="2020-01-01T00:00:00Z"))
    since = await listener.token()
    await listener.update(music.album, loved=True)

    result = await listener.sync(late, since=since)

    assert (became(result), states(result)) == ([BEATEN], [(True, None)])
    assert told(result["delta"]) == [("UPDATE", "ALBUM", music.album)]


# ---------------------------------------------------------------------------------------- playlists


async def made(listener: Listener, music: Music, count: int = 3) -> tuple[str, list[str]]:
    playlist = await listener.create(*music.tracks[:count])
    return playlist["id"], shown(playlist)


async def test_edits_done_offline(listener: Listener, music: Music) -> None:
    id, (one, two, three) = await made(listener, music)
    device, new, since = Device(datetime.now(UTC)), str(uuid4()), await listener.token()

    result = await listener.sync(
        device.update(id, playlistEdits=[insert(music.tracks[3], two, new)]),
        device.update(id, playlistEdits=[move(new, None), rename("Evenings")], loved=True),
        device.update(id, playlistEdits=[take_out(one)]),
        device.add(music.album),
        device.update(id, playlistEdits=[move(three, new)]),
        since=since,
    )

    assert became(result) == [APPLIED] * 5
    playlist = await listener.playlist(id)
    assert (shown(playlist), playlist["name"], playlist["revision"]) == ([new, three, two], "Evenings", 5)
    history = (await listener.changes(since))["changes"]
    # What became of edits is news even to the device that sent them; the album it knows.
    assert result["delta"]["changes"] == [change for change in history if change["itemId"] == id]
    assert [change["playlistRevision"] for change in history] == [2, 3, 4, None, 5]
    assert [[edit["kind"] for edit in change["playlistEdits"]] for change in history] == [
        ["INSERT"],
        ["MOVE", "RENAME"],
        ["REMOVE"],
        [],
        ["MOVE"],
    ]
    assert (await listener.held())[id] == (True, None)


async def test_edits_of_two_devices_merge(listener: Listener, music: Music) -> None:
    id, (one, two, three) = await made(listener, music)
    here, there, mine, theirs = Device(), Device(), str(uuid4()), str(uuid4())
    began, millisecond = datetime.now(UTC), timedelta(milliseconds=1)
    await asyncio.sleep(0.01)
    edits = [insert(music.tracks[3], one, mine), move(two, None), rename("Early")]
    early = here.update(id, at=began + millisecond, playlistEdits=edits)
    beaten = here.update(id, at=began + millisecond * 2, playlistEdits=[move(two, one)])
    edits = [insert(music.tracks[4], one, theirs), move(two, three), rename("Late")]
    await listener.sync(there.update(id, at=began + millisecond * 3, playlistEdits=edits))
    since = await listener.token()

    result = await listener.sync(early, beaten)

    assert became(result) == [APPLIED, BEATEN]
    playlist = await listener.playlist(id)
    assert playlist["name"] == "Late"
    assert shown(playlist) == [one, mine, theirs, three, two]
    (change,) = (await listener.changes(since))["changes"]
    assert [edit["kind"] for edit in change["playlistEdits"]] == ["INSERT"], "the rest was beaten"


async def test_bad_edits_are_rejected_whole_and_the_rest_is_applied(listener: Listener, music: Music) -> None:
    id, (one, two, _) = await made(listener, music)
    device, before = Device(datetime.now(UTC)), await listener.playlist(id)
    bad: list[tuple[dict[str, Any], tuple[str, str | None]]] = [
        (take_out(NOBODY), NOT_FOUND),
        (move(one, NOBODY), NOT_FOUND),
        (insert(NOBODY), NOT_FOUND),
        (insert(music.album), NOT_FOUND),
        (move(one, one), INVALID),
        (insert(music.tracks[5], None, two), INVALID),
        ({"kind": "INSERT"}, INVALID),
        (rename(" "), INVALID),
        (rename("x" * 101), INVALID),
        ({"kind": "MOVE", "entryId": one, "name": "x"}, INVALID),
    ]
    good = [take_out(two), rename("Evenings"), insert(music.tracks[3])]

    result = await listener.sync(
        *(device.update(id, loved=True, playlistEdits=[*good, edit]) for edit, _ in bad),
        device.update(id, playlistEdits=[insert(music.tracks[0])] * 1001),
        device.update(id, rating=2),
    )

    assert became(result) == [*(expected for _, expected in bad), INVALID, APPLIED]
    assert await listener.playlist(id) == before
    assert (await listener.held())[id] == (False, 2)


async def test_edits_of_what_is_no_playlist(listener: Listener, music: Music, device: Device) -> None:
    await listener.add(music.tracks[0])
    before = await listener.held()

    result = await listener.sync(
        *(device.change("UPDATE", id, at=FUTURE, playlistEdits=[rename("x")]) for id in (music.tracks[0], NOBODY))
    )

    assert became(result) == [INVALID, NOT_FOUND]
    assert await listener.held() == before


async def test_removing_ones_own_playlist_deletes_it(listener: Listener, music: Music) -> None:
    id, (one, *_) = await made(listener, music)
    device = Device(datetime.now(UTC))

    result = await listener.sync(
        device.update(id, playlistEdits=[take_out(one)]),
        device.remove(id),
        device.update(id, playlistEdits=[rename("Too late")]),
        device.update(id, loved=True),
        device.add(id),
        device.remove(id),
    )

    assert became(result) == [APPLIED, APPLIED, NOT_FOUND, NOT_FOUND, NOT_FOUND, APPLIED]
    assert states(result) == [None] * 6
    assert (await listener.ask("query($id: ID!) { playlist(id: $id) { id } }", id=id)).codes == ["NOT_FOUND"]
    assert await listener.held() == {}
    history = (await listener.changes(await listener.token_at(0)))["changes"]
    assert [change["type"] for change in history] == ["ADD", "UPDATE", "REMOVE"]
    assert await listener.sql("SELECT 1 FROM playlists WHERE owner_id = :user_id") == []


async def test_a_removal_from_before_an_edit_does_not_delete(listener: Listener, music: Music) -> None:
    id, (one, *_) = await made(listener, music)
    early = Device(datetime.now(UTC)).remove(id, at=datetime.now(UTC))
    await listener.edit(id, take_out(one))

    assert await listener.outcome(early) == BEATEN

    assert (await listener.playlist(id))["trackCount"] == 2


async def test_a_removal_from_before_an_edit_that_changed_nothing_does_not_delete(
    listener: Listener, music: Music
) -> None:
    """The listener touched it last, as when they love again what they love."""
    for kind in ("RENAME", "MOVE"):
        id, (one, *_) = await made(listener, music)
        early = Device().remove(id, at=datetime.now(UTC))
        await listener.edit(id, rename("Mornings") if kind == "RENAME" else move(one, None))

        assert await listener.outcome(early) == BEATEN

        assert (await listener.playlist(id))["trackCount"] == 3


async def test_null_and_nothing_are_the_same_content(listener: Listener, music: Music) -> None:
    """A device may spell a change differently when it sends it again, and mean the same."""
    id, (one, *_) = await made(listener, music)
    change = Device().update(id, at=FUTURE, playlistEdits=[{"kind": "MOVE", "entryId": one}])
    assert await listener.outcome(change) == APPLIED

    edit = {"kind": "MOVE", "entryId": one, "afterEntryId": None, "trackId": None, "name": None}

    assert await listener.outcome(change | {"playlistEdits": [edit]}) == DUPLICATE
    assert await listener.outcome(change | {"loved": None, "playlistEdits": [edit]}) == DUPLICATE


async def test_many_edits_in_one_call_hold_nobody_back(listener: Listener, client: Client, music: Music) -> None:
    """Twenty changes with a thousand edits each. They may be refused; others are answered meanwhile."""
    id, (one, two, _) = await made(listener, music)
    edits = [move(one, two), move(one, None)] * 500
    changes = [Device().update(id, at=FUTURE, playlistEdits=edits) for _ in range(20)]
    waits = [0.0]
    finished = asyncio.Event()

    async def somebody_else() -> None:
        while not finished.is_set():
            began = time.perf_counter()
            await client.ask("query($id: ID!) { album(id: $id) { title } }", id=music.album)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        group.create_task(somebody_else())
        await asyncio.sleep(0.05)
        answer = await listener.ask(SYNC, changes=changes)
        finished.set()

    assert answer.codes in ([], ["BAD_USER_INPUT"])
    assert max(waits) < 3


async def test_many_edits_of_one_playlist(listener: Listener, music: Music) -> None:
    """Every one of a thousand changes puts an entry to the same place."""
    id, (one, two, _) = await made(listener, music)
    device = Device(datetime.now(UTC) - timedelta(seconds=1))
    entries = [str(uuid4()) for _ in range(1000)]

    result = await listener.sync(
        *(device.update(id, playlistEdits=[insert(music.tracks[4], one, entry)]) for entry in entries)
    )

    assert became(result) == [APPLIED] * 1000
    playlist = await listener.playlist(id)
    assert (playlist["trackCount"], playlist["revision"]) == (1003, 1001)
    assert shown(playlist)[:100] == [one, *entries[:900:-1]]
    assert two not in shown(playlist)


async def test_a_public_playlist_of_others(listener: Listener, curator: Listener, music: Music, device: Device) -> None:
    id, _ = await made(curator, music)
    await curator.ask(SHOW, id=id, to="PUBLIC")

    result = await listener.sync(
        device.add(id),
        device.update(id, rating=5),
        device.update(id, playlistEdits=[rename("Mine")]),
        device.update(id, playlistEdits=[{"kind": "REMOVE", "entryId": "x"}]),
    )

    assert became(result) == [APPLIED, APPLIED, ("REJECTED", "NOT_ALLOWED"), INVALID]
    assert states(result) == [(False, 5)] * 4
    assert (await curator.playlist(id))["name"] == "Mornings"


# ----------------------------------------------------------------------------------------- at length


async def test_ten_thousand_changes_are_applied_and_others_are_answered_meanwhile(
    listener: Listener, sources: Sources, settings: Settings, client: Client, music: Music
) -> None:
    many = await publish(sources, 1000)
    device = Device(datetime.now(UTC) - timedelta(days=1))
    changes = [device.add(track) for track in many.tracks]
    changes += [device.update(many.tracks[number % 1000], rating=1 + number // 1000 % 5) for number in range(9000)]
    waits: list[float] = []
    finished = asyncio.Event()

    async def somebody_else() -> None:
        while not finished.is_set():
            began = time.perf_counter()
            assert (await client.ask("query($id: ID!) { album(id: $id) { title } }", id=music.album)).codes == []
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        group.create_task(somebody_else())
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        result = await listener.sync(*changes, since=await listener.token())
        seconds = time.perf_counter() - began
        finished.set()

    print(f"10,000 changes: {seconds:.1f} s; {len(waits)} answers, the longest wait {max(waits):.2f} s")
    assert became(result) == [APPLIED] * 10_000
    assert await listener.head() == 10_000
    assert set((await listener.held()).values()) == {(False, 4)}
    assert result["delta"]["hasMore"] is True
    assert seconds < 30
    assert len(waits) > 10
    rows = await sql(sources, "SELECT count(*) AS n FROM library_mutations WHERE user_id = :id", id=listener.id)
    assert rows[0].n == 10_000


async def test_what_many_changes_cost(listener: Listener, music: Music, device: Device) -> None:
    changes = [device.add(music.album)] + [device.update(music.album, rating=1 + n % 5) for n in range(499)]

    one = await listener.ask(SYNC, changes=[device.add(music.artist)])
    five_hundred = await listener.ask(SYNC, changes=changes)

    assert len(one.statements) == len(five_hundred.statements) == 9


async def test_an_unfinished_call_leaves_nothing(listener: Listener, music: Music, device: Device) -> None:
    """Whoever hangs up while it is under way can send it all again."""
    changes = [device.add(music.album)] + [device.update(music.album, rating=1 + n % 5) for n in range(3000)]
    for wait in (0.2, 0.4, 0.6):
        call = asyncio.create_task(listener.ask(SYNC, changes=changes))
        await asyncio.sleep(wait)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        head = await listener.head()
        rows = await listener.sql("SELECT count(*) AS n FROM library_mutations WHERE user_id = :user_id")
        assert (head, rows[0].n) in ((0, 0), (3001, 3001))

    result = await listener.sync(*changes)

    assert set(became(result)) in ({APPLIED}, {DUPLICATE})
    assert await listener.head() == 3001
