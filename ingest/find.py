"""The first phase: which audio files are meant by the paths on the command line."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.filenames import natural_key
from ingest.problems import Problem, display

# Containers that hold music and nothing else. `.mp4` is missing because it is nearly always a film; naming one
# explicitly still takes it.
AUDIO_ENDINGS = frozenset(
    (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b", ".aac", ".wav", ".wave", ".aif", ".aiff", ".aifc")
)


@dataclass(frozen=True, slots=True)
class Found:
    """Audio files in natural path order, each once; and what was asked for but could not be reached."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]


def find(paths: Sequence[Path]) -> Found:
    """Every audio file among and beneath `paths`.

    Folders are walked through symbolic links, each folder once. Beneath a folder the ending decides and hidden files
    are passed over; a file that is named itself is taken whatever it is called. Raises nothing: what cannot be
    reached is a problem.
    """
    search = _Search()
    for path in paths:
        search.take(path)
    return Found(tuple(sorted(search.files, key=natural_key)), tuple(search.problems))


@dataclass(slots=True)
class _Search:
    files: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    """(device, inode) of every file and folder met: the only name of a thing that links cannot multiply."""

    def take(self, path: Path) -> None:
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            self.problem(path, _why(error))
            return
        if not stat.S_ISDIR(status.st_mode):
            self.file(path, status)
        elif self.first_time(status):
            told = len(self.problems)
            if not self.walk(path) and len(self.problems) == told:
                self.problem(path, f"There are no audio files in {display(path)}.")

    def walk(self, top: Path) -> int:
        """Takes what is beneath `top`; returns how many audio files there are, those met before included."""
        audio = 0
        folders = [top]
        while folders:
            folder = folders.pop()
            try:
                paths = sorted(folder.iterdir())
            except OSError as error:
                self.problem(folder, f"This folder cannot be read: {_cause(error)}.")
                continue
            for path in paths:
                # Also AppleDouble companions ("._Song.mp3"), which carry the ending but no sound.
                if path.name.startswith("."):
                    continue
                is_audio = path.suffix.lower() in AUDIO_ENDINGS
                try:
                    status = path.stat()
                except OSError as error:
                    if is_audio:
                        self.problem(path, _why(error))
                    continue
                if stat.S_ISDIR(status.st_mode):
                    if self.first_time(status):
                        folders.append(path)
                elif is_audio:
                    self.file(path, status)
                    audio += 1
        return audio

    def file(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self.problem(path, f"This is {_kind(status.st_mode)}, not a file.")
        elif self.first_time(status):
            self.files.append(path)

    def first_time(self, status: os.stat_result) -> bool:
        identity = (status.st_dev, status.st_ino)
        known = identity in self.seen
        self.seen.add(identity)
        return not known

    def problem(self, path: Path, reason: str) -> None:
        self.problems.append(Problem(path, reason))


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "There is no such file or folder."
    return f"It cannot be reached: {_cause(error)}."


def _cause(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
