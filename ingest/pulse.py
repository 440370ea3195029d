"""The beat of a recording: onsets, tempo, clarity and strength of the pulse.

Onset strength is the rise of loudness in forty mel bands, summed (Ellis 2007, "Beat Tracking by Dynamic Programming"),
with two changes. Loudness is the cube root of power (Hermansky 1990, "Perceptual linear predictive analysis of speech")
instead of decibels over a floor: a soft hi-hat counts less than the drum it plays between. And the bass is also taken
alone, because that is where the beat is heard first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from domain.features import TEMPO_MAX_BPM, TEMPO_MIN_BPM, TEMPO_PREFERRED_BPM
from ingest.spectrum import FRAME_RATE, Doubles, Floats

# The lowest six of forty bands, centred up to 410 Hz: kick drum, bass, the body of a snare.
BASS_BANDS = 6
BASS_WEIGHT = 0.7

# Below −100 dBFS a band holds rounding noise; 60 dB below the loudest band so far it holds nothing that is an onset.
SILENT_POWER = 1e-10
FLOOR = 1e-6
# An onset is a maximum within ±35 ms and this much above the mean of ±105 ms (the form of Böck, Krebs & Schedl 2012,
# "Evaluating the online capabilities of onset detection methods"); stationary noise stays below it.
ONSET_NEAR = 3
ONSET_AROUND = 9
ONSET_RISE_DB = 1.5

# Spread of the tempo prior in octaves. From 0.7 to 0.8 the drum loops of the tests are heard right at 75..160 BPM.
PRIOR_OCTAVES = 0.7
# How much the bar (four beats) has to say beside the beat itself.
BAR_WEIGHT = 0.5
# A candidate must itself repeat, not only its multiples: else twice a slow tempo would pass for a beat.
REPEATS_AT_LEAST = 0.25
# A beat whose half repeats as well as the whole has no accents: then the half is the beat.
UNACCENTED = 0.95
BEATS = 4
# With less than this there is no beat to speak of, and a tempo picked from noise would only mislead.
CLARITY_AT_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the beat is like.

    `tempo` in BPM, 120 where there is no beat. `clarity` 0..1: mean correlation of the onset strength with itself one,
    two and four beats later (pulse clarity from autocorrelation: Lartillot et al. 2008, "Multi-feature modeling of
    pulse clarity"). `strength`: standard deviation of the bass onset strength over the mean loudness of all bands,
    0 and up. `onset_rate` in 1/s.
    """

    tempo: float
    clarity: float
    strength: float
    onset_rate: float


class PulseMeter:
    """`add` the band powers of consecutive frames in blocks, then `finish`."""

    def __init__(self) -> None:
        lags = int(BEATS * 60.0 / TEMPO_MIN_BPM * FRAME_RATE) + 2
        self._full = Autocorrelation(lags)
        self._bass = Autocorrelation(lags)
        self._before: Floats | None = None
        self._loudest = SILENT_POWER
        self._loudness = 0.0
        self._frames = 0
        self._onsets = 0

    def add(self, bands: Floats) -> None:
        before = bands[:1] if self._before is None else self._before
        bands = np.concatenate((before, bands))
        self._before = bands[-1:]
        loudness = np.cbrt(bands)
        rise = np.maximum(np.diff(loudness, axis=0), 0.0)
        self._full.add(rise.mean(axis=1, dtype=np.float64))
        self._bass.add(rise[:, :BASS_BANDS].mean(axis=1, dtype=np.float64))
        self._loudness += float(loudness[1:].mean(axis=1, dtype=np.float64).sum())
        self._frames += len(rise)
        self._count_onsets(bands)

    def finish(self) -> Pulse:
        if self._onsets == 0:
            return Pulse(TEMPO_PREFERRED_BPM, clarity=0.0, strength=0.0, onset_rate=0.0)
        repeats = (1.0 - BASS_WEIGHT) * self._full.coefficients() + BASS_WEIGHT * self._bass.coefficients()
        lag = beat_lag(repeats)
        clarity = float(np.clip(at(repeats, lag * np.array([1.0, 2.0, 4.0])).mean(), 0.0, 1.0))
        return Pulse(
            tempo=60.0 * FRAME_RATE / lag if clarity >= CLARITY_AT_LEAST else TEMPO_PREFERRED_BPM,
            clarity=clarity,
            strength=self._bass.deviation() * self._frames / self._loudness,
            onset_rate=self._onsets * FRAME_RATE / self._frames,
        )

    def _count_onsets(self, bands: Floats) -> None:
        self._loudest = max(self._loudest, float(bands.max()))
        levels = 10.0 * np.log10(np.maximum(bands, self._loudest * FLOOR))
        rise = np.maximum(np.diff(levels, axis=0), 0.0).mean(axis=1)
        around = sliding_window_view(np.pad(rise, ONSET_AROUND, mode="edge"), 2 * ONSET_AROUND + 1)
        near = around[:, ONSET_AROUND - ONSET_NEAR : ONSET_AROUND + ONSET_NEAR + 1]
        onsets = (rise >= near.max(axis=1)) & (rise > around.mean(axis=1) + ONSET_RISE_DB)
        self._onsets += int(onsets.sum())


class Autocorrelation:
    """Autocovariance of a long series, summed over the blocks it comes in: a few kilobytes whatever the length."""

    def __init__(self, lags: int) -> None:
        self._products = np.zeros(lags)
        self._pairs = np.zeros(lags)

    def add(self, series: Doubles) -> None:
        n = len(series)
        spectrum = np.fft.rfft(series - series.mean(), 2 * n)
        kept = min(n, len(self._products))
        self._products[:kept] += np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:kept]
        self._pairs[:kept] += n - np.arange(kept)

    def deviation(self) -> float:
        return float(np.sqrt(max(0.0, self._products[0]) / max(1.0, self._pairs[0])))

    def coefficients(self) -> Doubles:
        """1 at lag 0; all 0 for a constant series."""
        if self._products[0] <= 0.0:
            return np.zeros_like(self._products)
        # A few pairs make a large coefficient of nothing: lags with less than a third of them fall towards 0.
        means = self._products / np.maximum(self._pairs, self._pairs[0] / 3.0)
        return np.asarray(means / means[0])


def beat_lag(repeats: Doubles) -> float:
    """The lag of one beat in frames: argmax of prior(τ)·(r(τ) + ½·r(4τ)), refined.

    prior(τ) = exp(−½·(log2(tempo/120)/0.7)²), Ellis 2007; the bar's term decides between metrical levels, as his
    TPS2 does. Where accents are missing the tempo is doubled. Refined within 3 % by the sum of r over four beats, which
    divides the error of a frame by four.
    """
    octaves = np.log2(TEMPO_MAX_BPM / TEMPO_MIN_BPM)
    tempi = TEMPO_MIN_BPM * 2.0 ** np.linspace(0.0, octaves, 1800)
    lags = 60.0 * FRAME_RATE / tempi
    prior = np.exp(-0.5 * (np.log2(tempi / TEMPO_PREFERRED_BPM) / PRIOR_OCTAVES) ** 2)
    beat = at(repeats, lags)
    salience = np.where(beat > REPEATS_AT_LEAST * beat.max(), beat + BAR_WEIGHT * at(repeats, BEATS * lags), 0.0)
    lag = float(lags[(prior * salience).argmax()])
    while lag / 2.0 >= lags[-1] and at(repeats, lag / 2.0) > UNACCENTED * max(at(repeats, lag), at(repeats, 2.0 * lag)):
        lag /= 2.0
    close = lags[np.abs(lags / lag - 1.0) < 0.03]
    train = sum(at(repeats, beats * close) for beats in range(1, BEATS + 1))
    return float(close[np.argmax(train)])


def at(repeats: Doubles, lags: Doubles | float) -> Doubles:
    return np.asarray(np.interp(lags, np.arange(len(repeats)), repeats))
