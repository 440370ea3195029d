"""Audio files in, catalogue out.

    find → examine (hash, tags) → albums → for each file: prepare (decode, measure, encode) → store → publish its album

A file is known by its content: what is in the catalogue is passed over, what an interrupted run has stored is not
made again. An album appears when the last of its files is ready or has been reported.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from datasources.embedded.locks import Lock
from datasources.sources import Sources
from datasources.staging import ingested, staged
from domain.errors import Unavailable
from domain.recording import Recording
from ingest.albums import AlbumPlan, resolve_albums
from ingest.find import find
from ingest.formats import Undecodable
from ingest.prepare import Examined, examine, prepare
from ingest.problems import Problem
from ingest.publish import ReadyFile, publish
from ingest.report import Report
from ingest.store import store
from ingest.together import together
from ingest.workers import Worker, WorkerDied

ALL_WELL, SOME_PROBLEMS = 0, 1


@dataclass(slots=True)
class AlbumWork:
    """An album on its way: which files are still to be done, and which are ready."""

    plan: AlbumPlan
    waiting: list[Examined]
    ready: list[ReadyFile] = field(default_factory=list)


async def ingest(sources: Sources, paths: Sequence[Path], workspace: Path, report: Report) -> int:
    """Bring the audio files under `paths` into the catalogue; the exit status. Raises Unavailable, OSError."""
    with scratch_folder(workspace) as folder, processes() as workers:
        found = find(paths)
        for problem in found.problems:
            report.problem(problem)
        examined = await examine_all(found.files, workers, report)
        albums = await plan_work(sources, examined, report)
        await do_work(sources, albums, workers, folder, report)
    report.summary()
    return SOME_PROBLEMS if report.problems else ALL_WELL


async def examine_all(files: Sequence[Path], workers: Sequence[Worker], report: Report) -> list[Examined]:
    """Read every file's content hash and tags. Two files of the same content count once."""
    seen: dict[bytes, Examined] = {}
    waiting = iter(files)

    async def work(worker: Worker) -> None:
        for path in waiting:
            try:
                file = await worker.run(examine, path)
                report.unchanged += seen.setdefault(file.content_hash, file) is not file
            except OSError as error:
                report.problem(Problem(path, f"It cannot be read: {error.strerror}."))
            except WorkerDied:
                report.problem(Problem(path, "Reading its tags ended the process that did it; the file is broken."))
            report.step()

    with report.phase("Reading tags", len(files)):
        await together(work(worker) for worker in workers)
    return list(seen.values())


async def plan_work(sources: Sources, examined: Sequence[Examined], report: Report) -> list[AlbumWork]:
    """Group the files into albums and leave out what is in the catalogue; what is stored already is ready."""
    hashes = [file.content_hash for file in examined]
    done = await ingested(sources, hashes)
    stored = await staged(sources, hashes)
    by_path = {file.path: file for file in examined}
    albums = []
    for plan in resolve_albums([(file.path, file.tags) for file in examined]):
        # The album's own numbering of its files goes with them.
        files = [replace(by_path[path], tags=tags) for path, tags in plan.tracks]
        new = [file for file in files if file.content_hash not in done]
        report.unchanged += len(files) - len(new)
        work = AlbumWork(plan, [file for file in new if file.content_hash not in stored])
        work.ready = [ReadyFile(file, stored[file.content_hash]) for file in new if file.content_hash in stored]
        if new:
            albums.append(work)
    return albums


async def do_work(
    sources: Sources, albums: Sequence[AlbumWork], workers: Sequence[Worker], folder: Path, report: Report
) -> None:
    """Prepare and store the files, each worker one at a time; publish an album after its last file."""
    waiting = iter([(album, file) for album in albums for file in tuple(album.waiting)])

    async def work(worker: Worker) -> None:
        for album, file in waiting:
            recording = await make(sources, file, worker, folder / file.content_hash.hex(), report)
            album.waiting.remove(file)
            if recording:
                album.ready.append(ReadyFile(file, recording))
            if not album.waiting:
                await finish(album)
            report.step()

    async def finish(album: AlbumWork) -> None:
        if album.ready:
            # In the album's order, whichever file was ready first: the same files make the same catalogue.
            order = {path: place for place, (path, _) in enumerate(album.plan.tracks)}
            await publish(sources, album.plan, sorted(album.ready, key=lambda ready: order[ready.file.path]))
            report.added += len(album.ready)
            report.albums += 1

    with report.phase("Encoding", sum(len(album.waiting) for album in albums)):
        for album in albums:
            if not album.waiting:
                await finish(album)
        await together(work(worker) for worker in workers)


async def make(sources: Sources, file: Examined, worker: Worker, folder: Path, report: Report) -> Recording | None:
    """A file's recording, stored; None when the file is broken, which is reported."""
    try:
        prepared = await worker.run(prepare, file.path, folder)
        recording = await store(sources, file.content_hash, prepared)
    except Undecodable as error:
        report.problem(Problem(file.path, str(error)))
    except WorkerDied:
        report.problem(Problem(file.path, "Decoding it ended the process that did it; the file is broken."))
    except OSError as error:
        raise_when_full(error, folder)
        report.problem(Problem(file.path, f"It cannot be read: {error.strerror or error}."))
    else:
        report.ready(file.path, recording.duration_ms / 1000)
        return recording
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


def raise_when_full(error: OSError, folder: Path) -> None:
    """A full disk is no fault of the file that met it: the run ends, and goes on from here next time."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise Unavailable(
            f"The disk that holds {folder.parent.parent} is full. Make room and run the same command again: "
            "what is done stays done."
        ) from error


@contextmanager
def processes() -> Iterator[list[Worker]]:
    """A worker for each core, and one more that has the others' waiting for disk and network."""
    workers = [Worker() for _ in range((os.cpu_count() or 1) + 1)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


@contextmanager
def scratch_folder(workspace: Path) -> Iterator[Path]:
    """A folder for renditions on their way to the store, gone afterwards. What killed runs left goes too."""
    workspace.mkdir(parents=True, exist_ok=True)
    for left in workspace.glob("run-*"):
        # Its own run may be taking it away at this moment.
        with suppress(FileNotFoundError), Lock(left / "lock") as lock:
            if lock.try_exclusive():
                shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=workspace, prefix="starting-"))
    with Lock(draft / "lock") as lock:
        lock.try_exclusive()
        # Named as a run only once it is locked, or another run might take it for left over.
        folder = draft.rename(workspace / draft.name.replace("starting", "run"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
