"""Features of a recording of any length, measured in one pass over its samples in bounded memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain import features as scale
from domain.features import SILENCE, Features
from ingest.pulse import PulseMeter
from ingest.spectrum import FRAME, HOP, SAMPLE_RATE, band_powers
from ingest.timbre import TONE_FRAME, TONE_HOP, TimbreMeter

__all__ = ["SAMPLE_RATE", "FeatureMeter"]

# Samples are measured in blocks cut at the same places however they arrive, so the answer cannot depend on the chunks.
# 1024 pulse frames, 11.9 s: long enough for four beats at 40 BPM, short enough to follow a drummer.
BLOCK = 1024 * HOP
OVERLAP = TONE_FRAME - TONE_HOP
# +12 dBFS: a decoder may overshoot full scale; beyond this it is damage, and its square would overflow.
CEILING = 4.0
# −100 dBFS: what is left is rounding.
SILENT_POWER = 1e-10


class FeatureMeter:
    """`add` mono samples at SAMPLE_RATE in chunks of any size, then `finish` once."""

    def __init__(self) -> None:
        self._buffer = np.zeros(BLOCK + OVERLAP, np.float32)
        self._filled = 0
        self._blocks = 0
        self._pulse = PulseMeter()
        self._timbre = TimbreMeter()
        self._level = LevelMeter()

    def add(self, samples: NDArray[np.float32]) -> None:
        while len(samples):
            taken = samples[: len(self._buffer) - self._filled]
            place = self._buffer[self._filled : self._filled + len(taken)]
            np.clip(np.nan_to_num(taken), -CEILING, CEILING, out=place)
            self._filled += len(taken)
            samples = samples[len(taken) :]
            if self._filled == len(self._buffer):
                self._measure(self._buffer, BLOCK)
                self._buffer[:OVERLAP] = self._buffer[BLOCK:]
                self._filled = OVERLAP

    def finish(self) -> Features:
        """The features of everything added. Silence, and no samples at all, give `SILENCE`."""
        rest = self._buffer[: self._filled]
        if self._blocks == 0 and len(rest) < TONE_FRAME:
            # Only a recording too short for one frame is filled up: zeros after the end of others would be a click.
            rest = np.pad(rest, (0, TONE_FRAME - len(rest)))
        self._measure(rest, self._filled)
        level, timbre, pulse = self._level.finish(), self._timbre.finish(), self._pulse.finish()
        if level is None or timbre is None:
            return SILENCE
        return Features(
            tempo=pulse.tempo,
            energy=scale.energy(
                loudness_db=level.rms_db,
                onset_rate=pulse.onset_rate,
                bandwidth_hz=timbre.bandwidth_hz,
            ),
            valence=scale.valence(mode=timbre.mode, tempo=pulse.tempo, brightness=timbre.brightness),
            danceability=scale.danceability(clarity=pulse.clarity, strength=pulse.strength, tempo=pulse.tempo),
            acousticness=scale.acousticness(
                treble_db=timbre.treble_db, flatness_db=timbre.flatness_db, crest_db=level.crest_db
            ),
        )

    def _measure(self, block: NDArray[np.float32], new: int) -> None:
        """`block` begins with `new` samples not counted before; the rest lets its last frames be whole."""
        self._blocks += 1
        self._level.add(block[:new])
        bands = band_powers(block[: BLOCK + FRAME - HOP])
        self._pulse.add(bands)
        self._timbre.add(block, bands)


@dataclass(frozen=True, slots=True)
class Level:
    """`rms_db` in dBFS (a full-scale square wave is 0) and `crest_db`, the mean over blocks of peak over RMS."""

    rms_db: float
    crest_db: float


class LevelMeter:
    """`add` blocks of samples, then `finish`. A constant offset is not heard and not counted."""

    def __init__(self) -> None:
        self._samples = 0
        self._sum = 0.0
        self._squares = 0.0
        self._crest = 0.0
        self._crest_samples = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        if not len(samples):
            return
        values = samples.astype(np.float64)
        self._samples += len(values)
        self._sum += float(values.sum())
        self._squares += float(np.square(values).sum())
        powers = np.square(values - values.mean())
        power = float(powers.mean())
        if power > SILENT_POWER:
            self._crest += len(values) * 10.0 * float(np.log10(powers.max() / power))
            self._crest_samples += len(values)

    def finish(self) -> Level | None:
        """None when every block was silent."""
        if not self._crest_samples:
            return None
        power = self._squares / self._samples - (self._sum / self._samples) ** 2
        return Level(
            rms_db=10.0 * float(np.log10(max(power, SILENT_POWER))), crest_db=self._crest / self._crest_samples
        )
