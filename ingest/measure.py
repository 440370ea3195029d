"""Everything that is learned and made from one file, in one pass over its sound."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame

from domain.features import Features
from domain.loudness import Loudness
from domain.renditions import RenditionPlan, SourceFormat, plan_renditions
from ingest.decode import Source
from ingest.encode import Encoded, Encoder
from ingest.features import SAMPLE_RATE, FeatureMeter
from ingest.filters import FilterChain
from ingest.loudness import LoudnessMeter

# The mean of the channels, kept within full scale. The features ask for nothing above 10 kHz, so FFmpeg's own
# resampling filter does.
TO_FEATURES = (
    ("aresample", "rematrix_maxval=1.0"),
    ("aformat", f"sample_fmts=flt:sample_rates={SAMPLE_RATE}:channel_layouts=mono"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file holds and what was made of it. `loudness` is None for silence and for less than 400 ms."""

    format: SourceFormat
    duration_ms: int
    loudness: Loudness | None
    features: Features
    renditions: tuple[Encoded, ...]


def measure(
    path: Path,
    folder: Path,
    plan: Callable[[SourceFormat], tuple[RenditionPlan, ...]] = plan_renditions,
) -> Measured:
    """Decode `path` once; write its renditions to `folder`, named after their quality (`aac_128.m4a`).

    Memory does not grow with the sound, only with the indexes of the MP4 files: 26 MB for an hour. Raises Undecodable
    when the file cannot be taken, and OSError or FFmpeg's error when a rendition cannot be written; either way no
    rendition is left behind.
    """
    encoders: list[Encoder] = []
    try:
        with Source(path) as source:
            loudness, features = LoudnessMeter(), FeatureSink()
            encoders.extend(
                Encoder(rendition, source.format, folder / f"{rendition.quality.name.lower()}.m4a")
                for rendition in plan(source.format)
            )
            for frame in source.frames():
                loudness.add(frame)
                features.add(frame)
                for encoder in encoders:
                    encoder.add(frame)
            return Measured(
                format=source.format,
                duration_ms=round(source.total_samples * 1000 / source.format.sample_rate_hz),
                loudness=loudness.finish(),
                features=features.finish(),
                renditions=tuple([encoder.finish() for encoder in encoders]),
            )
    except BaseException:
        for encoder in encoders:
            encoder.discard()
        raise


class FeatureSink:
    """Feeds a FeatureMeter with what it wants: mono, 22 050 Hz, float32."""

    def __init__(self) -> None:
        self._converter = FilterChain(*TO_FEATURES)
        self._meter = FeatureMeter()

    def add(self, frame: AudioFrame) -> None:
        self._feed(self._converter.push(frame))

    def finish(self) -> Features:
        self._feed(self._converter.finish())
        return self._meter.finish()

    def _feed(self, frames: Iterable[AudioFrame]) -> None:
        for frame in frames:
            self._meter.add(frame.to_ndarray()[0].astype(np.float32, copy=False))
