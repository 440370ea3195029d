"""Load the demo: render it, ingest it like anybody's files, and add a listener for each tier."""

import asyncio
import shutil
from pathlib import Path

from datasources.sources import Sources
from ingest.demo.catalogue import RELEASES
from ingest.demo.listeners import add_listeners
from ingest.demo.write import write_release
from ingest.pipeline import ingest, processes
from ingest.report import Report
from ingest.together import together
from ingest.workers import Worker


def demo_folder(data: Path) -> Path:
    """Where the demo is rendered to. It goes when the demo is in, so that what is still there is unfinished."""
    return data / "demo"


async def load(sources: Sources, data: Path, report: Report) -> int:
    """The exit status, as `ingest` has it. Safe to run again: what is there stays as it is."""
    folder = demo_folder(data)
    waiting = iter(RELEASES)

    async def render(worker: Worker) -> None:
        for release in waiting:
            await worker.run(write_release, folder, release)
            report.step()

    with processes() as workers, report.phase("Composing the demo", len(RELEASES)):
        await asyncio.gather(add_listeners(sources), together(render(worker) for worker in workers))
    status = await ingest(sources, [folder], data / "ingest", report)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return status
