"""Loudness and true peak of a recording of any length, by FFmpeg's meter (EBU R 128)."""

from math import log10

from av.audio.frame import AudioFrame

from domain.loudness import Loudness
from ingest.filters import FilterChain

# A gating block of BS.1770: a shorter recording has no loudness.
BLOCK_SECONDS = 0.4
# The meter starts at the absolute gate of BS.1770 and stays there when nothing was louder.
GATE_LUFS = -70.0
# The meter reports once every 100 ms, so the peak of an unfinished tail would be lost: silence completes it, and lets
# the interpolator that looks between the samples run out.
TAIL_SECONDS = 0.2

INTEGRATED = "lavfi.r128.I"
PEAKS = ("lavfi.r128.true_peak", "lavfi.r128.sample_peak")


class LoudnessMeter:
    """`add` every frame of one source, then `finish` once."""

    def __init__(self) -> None:
        # The sample peak is nearly free. A true peak is never below it, but the meter's interpolator passes only 97 %
        # of the band and may say so.
        self._meter = FilterChain(
            ("apad", f"pad_dur={TAIL_SECONDS}"), ("ebur128", "metadata=1:peak=true+sample:framelog=quiet")
        )
        self._samples = 0
        self._rate = 0
        self._integrated: float | None = None
        self._peak = 0.0

    def add(self, frame: AudioFrame) -> None:
        self._samples += frame.samples
        self._rate = frame.sample_rate
        self._read(self._meter.push(frame)[-1:])

    def finish(self) -> Loudness | None:
        """None where loudness is not defined: silence, and anything shorter than 400 ms."""
        self._read(self._meter.finish())
        if self._integrated is None or self._integrated <= GATE_LUFS or self._peak <= 0.0:
            return None
        if self._samples < BLOCK_SECONDS * self._rate:
            return None
        return Loudness(integrated_lufs=self._integrated, true_peak_db=20 * log10(self._peak))

    def _read(self, reports: list[AudioFrame]) -> None:
        """Values run over everything heard so far, so later reports replace earlier ones."""
        for report in reports:
            values = report.metadata
            # The silence appended at the end counts for the peak, not for the loudness.
            if (report.pts or 0) + report.samples <= self._samples and INTEGRATED in values:
                self._integrated = float(values[INTEGRATED])
            self._peak = max([self._peak, *(float(values[key]) for key in PEAKS if key in values)])
