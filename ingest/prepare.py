"""The work on one file that needs a processor: runs in a process of its own, one file at a time."""

import hashlib
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

import av

from ingest.artwork import Artwork, find_artwork, read_artwork
from ingest.formats import Undecodable
from ingest.measure import Measured, measure
from ingest.tags import Tags, read_tags


@dataclass(frozen=True, slots=True)
class Examined:
    """A file before any work was spent on it. `content_hash` is the SHA-256 of its bytes."""

    path: Path
    content_hash: bytes
    tags: Tags


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made of a file: renditions in a folder of ours, and its cover."""

    measured: Measured
    artwork: Artwork | None


def examine(path: Path) -> Examined:
    """Raises OSError when the file cannot be read."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return Examined(path, digest, read_tags(path, picture=False))


def prepare(path: Path, folder: Path) -> Prepared:
    """Measure and encode a file into `folder`. Raises Undecodable, or OSError when the folder cannot be written."""
    folder.mkdir(parents=True)
    try:
        measured = measure(path, folder)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise Undecodable("Its sound has a form that cannot be converted.") from error
    picture = find_artwork(path, read_tags(path))
    return Prepared(measured, read_artwork(picture) if picture else None)


def begin_worker() -> None:
    """In a new process: leave Ctrl+C to the parent, make way for other work, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(10)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A killed parent says nothing, and its children would wait for work for ever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
