"""The demo catalogue as files: rendered, encoded, tagged, each put in its place only when it is whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import av
import numpy as np

from ingest.demo import artwork, tags
from ingest.demo.catalogue import RELEASES, Encoding, Release, Track
from ingest.demo.mixing import render
from ingest.demo.synth import Signal


def write_demo(folder: Path, progress: Callable[[str], None] | None = None) -> list[Path]:
    """Write every release under `folder` as Artist/Album/NN Title.ext; returns the audio files in order.

    A second call writes the same again over the first; a call that was interrupted leaves whole files only.
    `progress` is told each track's artist and title before it is written.
    """
    return [file for release in RELEASES for file in write_release(folder, release, progress)]


def write_release(folder: Path, release: Release, progress: Callable[[str], None] | None = None) -> list[Path]:
    """One release; its cover first, so that whoever finds the first track finds the cover too."""
    place = folder / release.artist / release.title
    place.mkdir(parents=True, exist_ok=True)
    cover = artwork.encoded(release.cover(release.cover_size), release.cover_kind)
    if not release.cover_inside:
        with replacing(place / f"cover.{release.cover_kind}") as file:
            file.write_bytes(cover)
    written: list[Path] = []
    for number, (track, samples) in enumerate(recordings(release), start=1):
        if progress:
            progress(f"{track.artist or release.artist}: {track.title}")
        target = place / f"{number:02} {track.title}{track.encoding.suffix}"
        with replacing(target) as file:
            encode(samples, track.encoding, file)
            tags.tag(file, release, number, cover if release.cover_inside else None)
        written.append(target)
    return written


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A name beside `target` to write to, with no audio file's ending, which takes its place at the end."""
    file = target.with_name(f".{target.name}.part")
    try:
        yield file
        file.replace(target)
    finally:
        file.unlink(missing_ok=True)


def recordings(release: Release) -> Iterator[tuple[Track, Signal]]:
    """Each track with its samples, shape (length, 2). Parts of a piece are cut from one rendering and join."""
    for (make, rate), tracks in groupby(release.tracks, key=lambda track: (track.piece, track.encoding.rate)):
        piece = make()
        whole = render(piece, rate)
        for track in tracks:
            first, last = (None if at is None else round(piece.seconds(at) * rate) for at in (track.begin, track.end))
            yield track, whole[first:last]


def encode(samples: Signal, encoding: Encoding, file: Path) -> None:
    """Encode stereo samples between -1 and 1 into a new file."""
    # Without "bitexact" Ogg streams get random serial numbers, and the same music would be another file every time.
    with av.open(str(file), "w", format=encoding.container, options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(encoding.codec, rate=encoding.rate, options=dict(encoding.options))
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        if encoding.bits == 24:
            stream.format = "s32"
        if encoding.kbps:
            stream.bit_rate = encoding.kbps * 1000
        data = pcm(samples, stream.format.name)
        for start in range(0, len(samples), encoding.rate):
            block = data[start : start + encoding.rate]
            planes = block.T if stream.format.is_planar else block.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), stream.format.name, "stereo")
            frame.sample_rate = encoding.rate
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pcm(samples: Signal, sample_format: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Samples as the encoder wants them: 16 bits, 24 bits at the top of 32, or floating point."""
    match sample_format.removesuffix("p"):
        case "s16":
            return np.round(samples * np.float32(32767)).astype(np.int16)
        case "s32":
            return np.round(samples.astype(np.float64) * 8_388_607).astype(np.int32) << 8
        case "flt":
            return samples
        case other:
            raise ValueError(f"no encoder of the demo takes {other}")
