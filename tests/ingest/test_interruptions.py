"""Ingest that is killed in the middle: nothing half-published is seen, and the next run goes on where it ended."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from settings import Settings
from tests.fixtures.audio import music, noise, write_audio
from tests.fixtures.catalogue import Catalogue
from tests.fixtures.processes import environment, eventually, segue

ALBUMS, TRACKS, SECONDS = 3, 3, 8
KILLS = 4


@pytest.fixture
async def catalogue(settings: Settings, tmp_path: Path) -> AsyncIterator[Catalogue]:
    async with Catalogue.empty(settings, tmp_path / "workspace") as empty:
        yield empty


async def kill_who_reads(path: Path) -> None:
    """kill -9 to the child that has `path` open and has worked on it for a while."""

    def reader() -> psutil.Process | None:
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                # Hashing a file opens it too; decoding also writes.
                names = [opened.path for opened in child.open_files()]
                if str(path) in names and any(name.endswith(".m4a") for name in names):
                    return child
        return None

    (await eventually(reader)).send_signal(signal.SIGKILL)


async def test_a_file_whose_worker_dies_is_reported_and_the_rest_goes_on(catalogue: Catalogue, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    victim = write_audio(folder / "2 victim.flac", noise(12 * 96_000), 96_000, bit_depth=24)
    for name in ("1 before", "3 after", "4 last"):
        write_audio(folder / f"{name}.flac", music(1.0, seed=len(name)), 44_100, tags={"title": name, "album": "A"})

    async with asyncio.TaskGroup() as group:
        running = group.create_task(catalogue.ingest(folder))
        group.create_task(kill_who_reads(victim))
    status, report = running.result()

    assert status == 1
    (problem,) = report.problems
    assert problem.path == victim
    assert "ended the process" in problem.reason
    assert set(await catalogue.tracks()) == {"1 before", "3 after", "4 last"}
    assert list(catalogue.workspace.iterdir()) == []

    # The file was not to blame: the next run takes it.
    status, report = await catalogue.ingest(folder)

    assert (status, report.added, report.unchanged) == (0, 1, 3)


async def test_killed_again_and_again_it_publishes_only_whole_albums_and_gets_done(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    folder = tmp_path / "music"
    for album in range(ALBUMS):
        (folder / f"Album {album}").mkdir(parents=True)
        for track in range(TRACKS):
            write_audio(
                folder / f"Album {album}" / f"{track}.flac",
                np.tile(music(1, seed=album * TRACKS + track), SECONDS),
                44_100,
                tags={
                    "title": f"Song {track}",
                    "artist": "Ana Lark",
                    "album": f"Album {album}",
                    "track": str(track + 1),
                },
            )
    data = tmp_path / "data"
    variables = environment(catalogue.settings) | {"SEGUE_DATA": str(data)}
    seed = random.randrange(1_000_000)
    print(f"random.Random({seed})")
    dice = random.Random(seed)

    for attempt in range(KILLS):
        with segue("ingest", str(folder), log=tmp_path / f"log {attempt}", **variables) as command:
            # Once the first file of this run is stored; the next ones are on their way, or an album is published.
            await command.says(".flac")
            await asyncio.sleep(dice.uniform(0, 0.5))
            children = psutil.Process(command.process.pid).children(recursive=True)
            command.process.kill()
            assert await command.status() in (-signal.SIGKILL, 0)

        await only_whole_albums(catalogue)
        await eventually(lambda left=children: not any(child.is_running() for child in left))

    done = await files_done(catalogue)
    # Every run left at least the file that it had told of.
    assert done >= min(KILLS, ALBUMS * TRACKS)
    with segue("ingest", str(folder), log=tmp_path / "last log", **variables) as command:
        assert await command.status() == 0, command.said
    assert command.said.count(".flac") == ALBUMS * TRACKS - done
    await only_whole_albums(catalogue)
    rows = await catalogue.rows()
    assert len(rows["albums"]) == ALBUMS
    assert len(rows["tracks"]) == len(rows["ingested_files"]) == ALBUMS * TRACKS
    assert rows["staged_files"] == []
    assert os.listdir(data / "ingest") == []


async def only_whole_albums(catalogue: Catalogue) -> None:
    """What the graph shows has all of its tracks, and each of them can be heard."""
    for album in (await catalogue.albums("trackCount tracks { title durationMs qualities }")).values():
        assert album["trackCount"] == TRACKS
        assert [track["title"] for track in album["tracks"]] == [f"Song {track}" for track in range(TRACKS)]
        assert all(len(track["qualities"]) == 3 and track["durationMs"] == SECONDS * 1000 for track in album["tracks"])


async def files_done(catalogue: Catalogue) -> int:
    (row,) = await catalogue.sql(
        "SELECT (SELECT count(*) FROM ingested_files) + (SELECT count(*) FROM staged_files) AS done"
    )
    return int(row["done"])
