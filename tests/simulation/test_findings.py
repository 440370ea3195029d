"""What the simulation has found: the shortest history of each."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.device import CREATE, EDIT, SYNC, Device
from benchmarks.local_library import Json
from datasources.sources import Sources
from domain.ids import new_id
from tests.simulation.stage import Listener, Stage


@pytest.fixture
async def stage(sources: Sources) -> Stage:
    return await Stage.of(sources)


@pytest.fixture
async def listener(sources: Sources) -> Listener:
    return await Listener.new(sources)


async def playlist_of(listener: Listener, *tracks: str) -> str:
    created = await listener.ask(CREATE, name="Mornings", trackIds=tracks)
    return str(created["playlist"]["id"])


async def outcome_of(listener: Listener, **change: object) -> Json:
    """What becomes of one change."""
    made = {"mutationId": str(new_id()), "occurredAt": datetime.now(UTC).isoformat()} | change
    (outcome,) = (await listener.ask(SYNC, changes=[made]))["syncLibrary"]["outcomes"]
    return dict(outcome)


async def test_a_change_that_makes_no_sense_takes_nothing_from_the_device(stage: Stage, listener: Listener) -> None:
    device = Device(listener)
    device.add(stage.things[0])
    await device.sync()

    device.update(stage.things[0], rating=6)
    await device.sync()

    assert await device.differences() == []
    assert device.local.items.keys() == {stage.things[0]}


@pytest.mark.parametrize("case", ["beaten in part", "spelled otherwise", "without effect"])
async def test_a_device_knows_what_became_of_its_own_edits(stage: Stage, listener: Listener, case: str) -> None:
    id, device = await playlist_of(listener, *stage.tracks), Device(listener)
    await device.sync()
    one, two, three = (entry.id for entry in device.local.playlists[id].entries)
    await listener.ask(EDIT, id=id, edits=[{"kind": "MOVE", "entryId": three, "afterEntryId": None}])
    await device.pull()
    if case == "beaten in part":
        device.clock = lambda: datetime.now(UTC) - timedelta(seconds=5)
    inserted = {"kind": "INSERT", "entryId": device.new_entry_id(), "trackId": next(iter(stage.tracks))}
    edits: dict[str, list[Json]] = {
        "beaten in part": [{"kind": "MOVE", "entryId": three, "afterEntryId": one}, inserted],
        "spelled otherwise": [{"kind": "RENAME", "name": " Late  nights "}],
        "without effect": [{"kind": "MOVE", "entryId": two, "afterEntryId": one}],
    }

    device.edit(id, edits[case])
    await device.sync()

    assert await device.differences() == []


async def test_what_a_device_did_beside_its_edits_is_told_with_them(listener: Listener) -> None:
    id, device = await playlist_of(listener), Device(listener)
    await device.sync()

    device.edit(id, [{"kind": "RENAME", "name": "Evenings"}])
    device.update(id, loved=True)
    await device.sync()

    assert await device.differences() == []
    assert device.local.items[id].loved


async def test_a_removal_does_not_pass_a_later_update_that_changed_nothing(listener: Listener) -> None:
    id, before = await playlist_of(listener), datetime.now(UTC).isoformat()
    same = [{"kind": "RENAME", "name": "Mornings"}]

    updated = await outcome_of(listener, type="UPDATE", itemId=id, playlistEdits=same)
    removed = await outcome_of(listener, type="REMOVE", itemId=id, occurredAt=before)

    assert (updated["status"], removed["reason"]) == ("APPLIED", "NEWER_CHANGE_EXISTS")
