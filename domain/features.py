"""What a recording sounds like, in five numbers, and how far two recordings are apart.

The scalings below turn measured quantities (decibels, hertz, events a second) into 0..1. They are pure, monotone and
bounded; `ingest/features.py` measures, `docs/features.md` says what each number is good for.
"""

from dataclasses import dataclass
from math import exp, log2

TEMPO_MIN_BPM = 40.0
TEMPO_MAX_BPM = 220.0
# The tempo listeners tap most readily (Moelants 2002, "Preferred tempo reconsidered"), and the guess without a pulse.
TEMPO_PREFERRED_BPM = 120.0

TEMPO_WEIGHT = 0.2
ENERGY_WEIGHT = 0.3
VALENCE_WEIGHT = 0.3
DANCEABILITY_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class Features:
    """`tempo` in BPM, 40..220; everything else 0..1."""

    tempo: float
    energy: float
    valence: float
    danceability: float
    acousticness: float


# Digital silence: the middle where nothing can be known, zero where there is nothing.
SILENCE = Features(tempo=TEMPO_PREFERRED_BPM, energy=0.0, valence=0.5, danceability=0.0, acousticness=0.5)


def scaled_tempo(bpm: float) -> float:
    """0..1 over 40..220 BPM."""
    return (bpm - TEMPO_MIN_BPM) / (TEMPO_MAX_BPM - TEMPO_MIN_BPM)


def profile(features: Features) -> tuple[float, float, float, float]:
    """The point whose L1 distance to another profile is `distance`: each coordinate already carries its weight."""
    return (
        TEMPO_WEIGHT * scaled_tempo(features.tempo),
        ENERGY_WEIGHT * features.energy,
        VALENCE_WEIGHT * features.valence,
        DANCEABILITY_WEIGHT * features.danceability,
    )


def distance(a: Features, b: Features) -> float:
    """0.2·|Δtempo| + 0.3·|Δenergy| + 0.3·|Δvalence| + 0.2·|Δdanceability|: 0 is alike, 1 is opposite."""
    return (
        TEMPO_WEIGHT * abs(scaled_tempo(a.tempo) - scaled_tempo(b.tempo))
        + ENERGY_WEIGHT * abs(a.energy - b.energy)
        + VALENCE_WEIGHT * abs(a.valence - b.valence)
        + DANCEABILITY_WEIGHT * abs(a.danceability - b.danceability)
    )


def tempo_preference(bpm: float, octaves: float) -> float:
    """exp(−½·(log2(bpm/120)/octaves)²), 1 at 120 BPM (Ellis 2007, "Beat Tracking by Dynamic Programming")."""
    return exp(-0.5 * (log2(bpm / TEMPO_PREFERRED_BPM) / octaves) ** 2)


def energy(*, loudness_db: float, onset_rate: float, bandwidth_hz: float) -> float:
    """loud · (0.4 + 0.35·dense + 0.25·wide).

    loud = 1 / (1 + exp(−(dBFS + 18) / 5)) of the RMS level: a quiet chamber recording (−30) gives 0.08, a loud master
    (−8) 0.88. dense = onsets a second over 8, wide = spectral standard deviation over 4 kHz, both cut at 1.
    Loudness leads, as in what listeners report (Schubert 2004, "Modeling perceived emotion with continuous musical
    features"), and multiplies, so that a fade to silence is a fade to 0. The weights are ours.
    """
    loud = logistic((loudness_db + 18.0) / 5.0)
    return loud * (0.4 + 0.35 * unit(onset_rate / 8.0) + 0.25 * unit(bandwidth_hz / 4000.0))


def valence(*, mode: float, tempo: float, brightness: float) -> float:
    """0.5·major + 0.25·fast + 0.25·bright.

    major = 0.5 + mode/0.6 for mode = best major minus best minor key correlation (−0.3 minor .. 0.3 major); fast =
    log2(tempo/60) / log2(3), 0..1 over 60..180 BPM; bright = share of spectral magnitude above 1500 Hz, over 0.6.
    Mode and tempo are what makes music sound happy or sad in Hunter, Schellenberg & Schimmack 2010; brightness is a
    weaker cue (Juslin 2000). The weights are ours.
    """
    major = unit(0.5 + mode / 0.6)
    fast = unit(log2(tempo / 60.0) / log2(3.0))
    return 0.5 * major + 0.25 * fast + 0.25 * unit(brightness / 0.6)


def danceability(*, clarity: float, strength: float, tempo: float) -> float:
    """clarity · (0.3 + 0.4·strong + 0.3·preferred).

    clarity: 0..1, how surely the beat comes back (pulse clarity: Lartillot et al. 2008); strong = strength of the beat
    in the bass over 0.4, cut at 1 (beat strength: Tzanetakis, Essl & Cook 2002); preferred = `tempo_preference` with a
    spread of half an octave. Clarity multiplies, because nobody dances to a beat that does not come back.
    """
    return unit(clarity) * (0.3 + 0.4 * unit(strength / 0.4) + 0.3 * tempo_preference(tempo, 0.5))


def acousticness(*, treble_db: float, flatness_db: float, crest_db: float) -> float:
    """0.4·dark + 0.3·tonal + 0.3·dynamic.

    dark: power above 5 kHz, −15 dB (0) to −50 dB (1) of the whole; tonal: spectral flatness, −10 dB (0) to −40 dB (1)
    (Johnston 1988); dynamic: peak over RMS, 6 dB (0) to 18 dB (1). Strings and soundboards lose their treble first and
    decay; distortion, synthesis and limiting fill the treble and flatten the peaks. The weights are ours: no published
    formula names this quantity.
    """
    dark = unit((-15.0 - treble_db) / 35.0)
    tonal = unit((-10.0 - flatness_db) / 30.0)
    dynamic = unit((crest_db - 6.0) / 12.0)
    return 0.4 * dark + 0.3 * tonal + 0.3 * dynamic


def unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def logistic(value: float) -> float:
    # exp overflows beyond 709; at ±60 the answer is already 0 or 1 to 26 digits.
    return 1.0 / (1.0 + exp(-min(60.0, max(-60.0, value))))
