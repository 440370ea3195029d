"""One audio file as frames: what it holds, sample by sample, or a sentence that says why it cannot be taken."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.input import InputContainer

from domain.renditions import SourceFormat
from ingest.completeness import is_cut_off, mp3_frames
from ingest.filters import first_samples
from ingest.formats import Undecodable, audio_stream, flac_samples, open_container, source_format

__all__ = ["Source", "Undecodable"]

# Containers that are a bare row of frames, where a decoder must find the first and meets tags after the last.
BARE = ("mp3", "aac")
# Timestamps that jump by less are rounding; by more, pages or frames are missing.
GAP_SECONDS = Fraction(1, 20)
# QuickTime counts 600 to the second and FFmpeg 1000, so an edit list may end this far from where the sound does.
EDIT_LIST_SECONDS = Fraction(1, 500)


class Source:
    """A file opened for one pass: `with Source(path) as source: for frame in source.frames(): …`.

    `total_samples` counts what `frames` has given so far, per channel: the length, once it is exhausted. Encoder delays
    and edit lists are already trimmed. Opening and iterating raise Undecodable, and OSError if the disk does.
    """

    format: SourceFormat

    def __init__(self, path: Path) -> None:
        self.total_samples = 0
        self._path = path
        self._packets = 0

    def __enter__(self) -> Self:
        if self._path.stat().st_size == 0:
            raise Undecodable("The file is empty.")
        if is_cut_off(self._path):
            raise Undecodable("The file is cut off: its end is missing.")
        self._container = open_container(self._path)
        try:
            self._stream = audio_stream(self._container)
            decoded = self._decode()
            first = next(decoded, None)
            if first is None:
                raise Undecodable("The file holds no sound.")
            self.format = source_format(self._path, self._stream, first)
            self._frames = chain((first,), decoded)
        except BaseException:
            self._container.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame in order, once. Memory does not grow with the length of the file."""
        held: AudioFrame | None = None
        for frame in self._frames:
            if held is not None:
                self._check_same(held, frame)
                yield self._counted(held)
            held = frame
        if held is not None:
            yield self._counted(without_padding(held, self._stream, self._container))
        self._check_length()

    def _counted(self, frame: AudioFrame) -> AudioFrame:
        self.total_samples += frame.samples
        return frame

    def _decode(self) -> Iterator[AudioFrame]:
        """Frames as the decoder gives them. `_packets` counts the packets that could be decoded."""
        bare = self._container.format.name in BARE
        broken: av.FFmpegError | None = None
        try:
            for packet in self._container.demux(self._stream):
                # A last packet that is not full is marked; in PCM it is still whole, and lengths have been compared.
                if packet.is_corrupt and self._container.format.name != "wav":
                    raise Undecodable(f"The file is cut off or damaged after {self._position()}.")
                try:
                    frames = packet.decode()
                except av.FFmpegError as error:
                    # Before the first frame and after the last one this is a tag; in between it is damage.
                    if not bare:
                        raise
                    broken = error if self._packets else None
                    continue
                if frames and broken is not None:
                    raise broken
                self._packets += packet.size > 0
                yield from frames
        except av.FFmpegError as error:
            raise Undecodable(f"The sound is damaged after {self._position()}.") from error

    def _check_same(self, before: AudioFrame, after: AudioFrame) -> None:
        if (before.sample_rate, before.layout.nb_channels, before.format.name) != (
            after.sample_rate,
            after.layout.nb_channels,
            after.format.name,
        ):
            raise Undecodable(f"The sound changes its sample rate or its channels after {self._position()}.")
        if self._container.format.name not in ("ogg", "flac") or before.pts is None or after.pts is None:
            return
        gap = (after.pts - before.pts) * (self._stream.time_base or 0) - Fraction(before.samples, before.sample_rate)
        if gap > GAP_SECONDS:
            raise Undecodable(f"A part of the sound is missing after {self._position()}.")

    def _check_length(self) -> None:
        """Compare what was decoded with what the headers promise."""
        match self._container.format.name, self._stream.codec_context.name:
            case _, "flac":
                missing = flac_samples(self._stream) > self.total_samples
            case "mp3", _:
                # One less is no loss: some encoders count the frame that carries the header itself.
                missing = (mp3_frames(self._path) or 0) > self._packets + 1
            case "wav" | "w64" | "aiff", _:
                missing = (self._stream.duration or 0) > self.total_samples
            case _:
                missing = len(self._stream.index_entries) > self._packets and self._stream.frames > 0
        if missing:
            raise Undecodable(f"The file is cut off: its sound ends after {self._position()}.")

    def _position(self) -> str:
        seconds = self.total_samples // self.format.sample_rate_hz if self.total_samples else 0
        return f"{seconds // 60}:{seconds % 60:02}"


def without_padding(last: AudioFrame, stream: AudioStream, container: InputContainer) -> AudioFrame:
    """The last frame of an MP4 file up to where its sound ends.

    FFmpeg trims the beginning by the edit list but plays the last frame whole. The end is in two places: a shorter
    duration of the last sample, and the length of the edit.
    """
    one_sample = Fraction(1, last.sample_rate)
    if not container.format.name.startswith("mov") or last.pts is None or stream.time_base != one_sample:
        return last
    end = last.pts + min(last.samples, last.duration or last.samples)
    if stream.duration and end - stream.duration > EDIT_LIST_SECONDS * last.sample_rate:
        end = stream.duration
    return first_samples(last, max(1, end - last.pts))
