"""How fast files become renditions: `python -m benchmarks.ingest [minutes]`.

Measures on synthetic music, 44.1 kHz/16 bit and 96 kHz/24 bit, and prints times faster than real time for one and two
processes, then where one process spends its time.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import numpy as np
from av.audio.frame import AudioFrame
from rich.console import Console
from rich.table import Table

from domain.renditions import plan_renditions
from ingest.decode import Source
from ingest.encode import Encoder
from ingest.loudness import LoudnessMeter
from ingest.measure import FeatureSink, measure
from tests.fixtures.audio import music, write_audio

MINUTES = 3
# Synthesis is slower than anything measured here, so one stretch of it is repeated.
STRETCH_SECONDS = 30
KINDS = (("44.1 kHz / 16 bit", 44_100, 16), ("96 kHz / 24 bit", 96_000, 24))


class Kind(NamedTuple):
    name: str
    path: Path
    seconds: float


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    console = Console()
    speeds = Table("FLAC, stereo", "one process", "two processes", title="times faster than real time")
    spent = Table("FLAC, stereo", "phase", "ms per s", "× real time", title="where the time goes, one process")
    with TemporaryDirectory() as folder:
        for kind in sources(Path(folder), minutes):
            one, two = speed(kind, 1), speed(kind, 2)
            speeds.add_row(kind.name, f"{one:.1f}", f"{two:.1f}")
            for phase, seconds in phases(kind.path, Path(folder)).items():
                share = seconds / kind.seconds
                spent.add_row(kind.name, phase, f"{1000 * share:.2f}", f"{1 / share:.0f}")
            spent.add_section()
        console.print(speeds, spent)


def sources(folder: Path, minutes: float) -> Iterator[Kind]:
    for name, rate, depth in KINDS:
        times = max(1, round(minutes * 60 / STRETCH_SECONDS))
        sound = np.tile(music(STRETCH_SECONDS, rate), (1, times))
        path = write_audio(folder / f"{rate}.flac", sound, rate, bit_depth=depth)
        yield Kind(name, path, sound.shape[1] / rate)


def speed(kind: Kind, processes: int) -> float:
    """Seconds of sound a second, while as many files are taken in at once."""
    # Spawned, as a program with threads has to; the clock starts when all of them have imported what they need.
    context = get_context("spawn")
    ready = context.Barrier(processes + 1)
    with context.Pool(processes, ready.wait) as pool:
        ready.wait()
        start = perf_counter()
        pool.map(take_in, [kind.path] * processes, chunksize=1)
        return processes * kind.seconds / (perf_counter() - start)


def take_in(path: Path) -> None:
    with TemporaryDirectory() as folder:
        measure(path, Path(folder))


class Stopwatch(dict[str, float]):
    """Seconds by phase."""

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self[phase] = self.get(phase, 0.0) + perf_counter() - start

    def each(self, phase: str, frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
        """`frames`, timing how long each takes to come."""
        iterator = iter(frames)
        while True:
            with self.timing(phase):
                frame = next(iterator, None)
            if frame is None:
                return
            yield frame


def phases(path: Path, folder: Path) -> Stopwatch:
    """What `measure` does, with a stopwatch around every part of it."""
    watch = Stopwatch()
    with Source(path) as source:
        loudness, features = LoudnessMeter(), FeatureSink()
        encoders = {
            plan.quality.name: Encoder(plan, source.format, folder / f"{plan.quality.name}.m4a")
            for plan in plan_renditions(source.format)
        }
        parts: dict[str, Callable[[AudioFrame], None]] = {"loudness": loudness.add, "features": features.add}
        parts |= {name: encoder.add for name, encoder in encoders.items()}
        for frame in watch.each("decode", source.frames()):
            for name, add in parts.items():
                with watch.timing(name):
                    add(frame)
        endings = {"loudness": loudness.finish, "features": features.finish}
        for name, finish in (endings | {name: encoder.finish for name, encoder in encoders.items()}).items():
            with watch.timing(name):
                finish()
    return watch


if __name__ == "__main__":
    main()
