"""Colour and mode of a recording: where its energy lies, how tonal it is, major or minor."""

from dataclasses import dataclass

import numpy as np

from ingest.spectrum import BAND_HZ, SAMPLE_RATE, Doubles, Floats, power_spectra

# 0.37 s: a Hann window of this length separates neighbouring semitones from some 180 Hz upwards.
TONE_FRAME = 8192
TONE_HOP = 4096
HZ = np.arange(TONE_FRAME // 2 + 1) * SAMPLE_RATE / TONE_FRAME
# Below 40 Hz lie rumble and offset.
AUDIBLE = slice(int(np.searchsorted(HZ, 40.0)), None)
# Peaks are looked for where fundamentals and their first overtones are.
PITCHED = slice(int(np.searchsorted(HZ, 80.0)), int(np.searchsorted(HZ, 2000.0)))
# Pitch classes in steps of 10 cents, so that the tuning can be found before they are folded into twelve.
STEPS = 120

BRIGHT = BAND_HZ > 1500.0
TREBLE = BAND_HZ > 5000.0
TREBLE_FLOOR = 1e-6
FLATNESS_FLOOR = 1e-8
# The chroma of noise is flat but for bumps that mean nothing: a smaller relative deviation is not scaled up to 1.
FLAT_CHROMA = 0.2
# A frame below −90 dBFS, or 60 dB below the loudest so far, has no colour worth counting.
SILENT_POWER = 1e-9
FLOOR = 1e-6

# Krumhansl & Kessler 1982, "Tracing the dynamic changes in perceived tonal organization": ratings from the tonic up.
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


@dataclass(frozen=True, slots=True)
class Timbre:
    """What the sound is like.

    `bandwidth_hz`: standard deviation of the power spectrum around its centroid. `brightness` 0..1: share of the bands'
    magnitude above 1500 Hz, the edge of Juslin 2000; `treble_db`: power above 5 kHz over all, −60..0; `flatness_db`:
    geometric over arithmetic mean of power, some −2.5 for white noise, −80 at least. These three are means over frames
    that are not silent. `mode`: best correlation with a major key minus best with a minor one, in practice −0.3..0.3.
    """

    bandwidth_hz: float
    brightness: float
    treble_db: float
    flatness_db: float
    mode: float


class TimbreMeter:
    """`add` blocks of samples with their band powers, then `finish`."""

    def __init__(self) -> None:
        self._power = np.zeros(len(HZ))
        self._steps = np.zeros(STEPS)
        self._flatness = 0.0
        self._tone_frames = 0
        self._treble = 0.0
        self._brightness = 0.0
        self._band_frames = 0
        self._loudest = SILENT_POWER

    def add(self, samples: Floats, bands: Floats) -> None:
        total = bands.sum(axis=1)
        self._loudest = max(self._loudest, float(total.max()))
        audible = total > max(SILENT_POWER, self._loudest * FLOOR)
        bands, total = bands[audible], total[audible]
        treble = bands[:, TREBLE].sum(axis=1) / total
        self._treble += float(decibels(treble, TREBLE_FLOOR).sum(dtype=np.float64))
        magnitude = np.sqrt(bands)
        bright = magnitude[:, BRIGHT].sum(axis=1) / magnitude.sum(axis=1)
        self._brightness += float(bright.sum(dtype=np.float64))
        self._band_frames += len(bands)
        for power in power_spectra(samples, TONE_FRAME, TONE_HOP):
            self._add_tones(power[power[:, AUDIBLE].sum(axis=1) > max(SILENT_POWER, self._loudest * FLOOR)])

    def finish(self) -> Timbre | None:
        """None when nothing was louder than silence."""
        if not (self._tone_frames and self._band_frames):
            return None
        share = self._power / self._power.sum()
        return Timbre(
            bandwidth_hz=float(np.sqrt(share @ (HZ - share @ HZ) ** 2)),
            brightness=self._brightness / self._band_frames,
            treble_db=self._treble / self._band_frames,
            flatness_db=self._flatness / self._tone_frames,
            mode=mode(chroma(self._steps)),
        )

    def _add_tones(self, power: Floats) -> None:
        if not len(power):
            return
        self._power[AUDIBLE] += power[:, AUDIBLE].sum(axis=0, dtype=np.float64)
        relative = power[:, AUDIBLE] / power[:, AUDIBLE].mean(axis=1, keepdims=True)
        self._flatness += float(decibels(relative, FLATNESS_FLOOR).mean(axis=1).sum(dtype=np.float64))
        self._tone_frames += len(power)
        self._steps += pitch_steps(np.sqrt(power))


def decibels(ratio: Floats, floor: float) -> Floats:
    return np.asarray(10.0 * np.log10(np.maximum(ratio, floor)), np.float32)


def pitch_steps(magnitude: Floats) -> Doubles:
    """Magnitude of the spectral peaks by pitch class in STEPS from A upwards, all octaves folded together.

    Peaks instead of bins, placed between bins by a parabola (harmonic pitch class profile: Gómez 2006, "Tonal
    description of polyphonic audio"), so that the skirts of a low tone do not spill into its neighbours.
    """
    first, last = PITCHED.start, PITCHED.stop
    left, middle, right = (magnitude[:, first + shift : last + shift] for shift in (-1, 0, 1))
    frame, bin_ = np.nonzero((middle > left) & (middle >= right))
    below, peak, above = left[frame, bin_], middle[frame, bin_], right[frame, bin_]
    hz = (first + bin_ + 0.5 * (below - above) / (below - 2.0 * peak + above)) * HZ[1]
    step = np.rint(STEPS * np.log2(hz / 440.0)).astype(np.int64) % STEPS
    return np.bincount(step, weights=peak, minlength=STEPS).astype(np.float64)


def chroma(steps: Doubles) -> Doubles:
    """Twelve pitch classes from A upwards, each a cos² window over its semitone after the tuning is taken out."""
    width = STEPS // 12
    phase = np.angle(steps @ np.exp(2j * np.pi * np.arange(STEPS) / width))
    tuning = round(float(phase) * width / (2.0 * np.pi))
    semitones = np.roll(steps, width // 2 - tuning).reshape(12, width)
    return np.asarray(semitones @ np.cos(np.pi * (np.arange(width) / width - 0.5)) ** 2)


def mode(pitch_classes: Doubles) -> float:
    """Best correlation with the twelve major profiles minus best with the twelve minor ones; above 0 is major.

    As `mirmode` does (Lartillot & Toiviainen 2007, "A Matlab toolbox for musical feature extraction from audio").
    """
    mean = float(pitch_classes.mean())
    if mean <= 0.0:
        return 0.0
    relative = pitch_classes / mean - 1.0
    relative /= max(FLAT_CHROMA, float(relative.std()))

    def best(profile: Doubles) -> float:
        ratings = (profile - profile.mean()) / profile.std()
        return max(float(np.roll(ratings, tonic) @ relative) for tonic in range(12)) / 12.0

    return best(MAJOR) - best(MINOR)
