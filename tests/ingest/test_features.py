"""Features of synthetic recordings whose beat, mode, loudness and colour are known."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.features import SILENCE, Features
from ingest.features import SAMPLE_RATE, FeatureMeter

Sound = NDArray[np.float64]
Voice = Callable[[float, float], Sound]

# Sixteenths of a bar of four beats: kick, snare, hi-hat.
LOOPS = {
    "rock": ("x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "rock in sixteenths": ("x.......x.......", "....x.......x...", "xxxxxxxxxxxxxxxx"),
    "four on the floor": ("x...x...x...x...", "....x.......x...", "..x...x...x...x."),
    "house": ("x...x...x...x...", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "pop": ("x.....x.x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "no hat": ("x.......x.......", "....x.......x...", "................"),
}
MAJOR = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))
MINOR = ((60, 63, 67), (65, 68, 72), (67, 70, 74), (60, 63, 67))


def features(sound: Sound) -> Features:
    meter = FeatureMeter()
    meter.add(sound.astype(np.float32))
    return meter.finish()


def seconds(duration: float) -> Sound:
    return np.arange(int(duration * SAMPLE_RATE)) / SAMPLE_RATE


def noise(duration: float, seed: int = 0) -> Sound:
    return np.random.default_rng(seed).standard_normal(len(seconds(duration)))


def kick() -> Sound:
    t = seconds(0.25)
    return 0.45 * np.sin(2 * np.pi * np.cumsum(50 + 90 * np.exp(-40 * t)) / SAMPLE_RATE) * np.exp(-14 * t)


def snare() -> Sound:
    t = seconds(0.18)
    return 0.22 * noise(0.18) * np.exp(-22 * t) + 0.2 * np.sin(2 * np.pi * 185 * t) * np.exp(-25 * t)


def hat() -> Sound:
    return 0.04 * np.diff(noise(0.06), n=2, prepend=(0, 0)) * np.exp(-70 * seconds(0.06))


def click() -> Sound:
    t = seconds(0.02)
    return 0.8 * np.sin(2 * np.pi * 1000 * t) * np.exp(-200 * t)


def piano(hz: float, duration: float) -> Sound:
    t = seconds(duration)
    k = np.arange(1, 9)[:, None]
    partials = np.sin(2 * np.pi * hz * k * t) * np.exp(-(1.5 + k) * t) / k**1.7
    return np.asarray(partials.sum(axis=0) * np.minimum(1, t / 0.004))


def plucked(hz: float, duration: float) -> Sound:
    """Karplus & Strong 1983: a burst of noise runs round a loop the length of a period, averaged at each turn."""
    period = np.random.default_rng(0).uniform(-1, 1, round(SAMPLE_RATE / hz))
    turns = []
    for _ in range(int(duration * hz) + 2):
        turns.append(period)
        period = 0.498 * (period + np.roll(period, 1))
    return np.concatenate(turns)[: len(seconds(duration))]


def square(hz: float, duration: float) -> Sound:
    return np.sign(np.sin(2 * np.pi * hz * seconds(duration)))


def distorted(hz: float, duration: float) -> Sound:
    return np.tanh(5 * noise(duration, seed=int(hz)) * np.exp(-6 * seconds(duration)))


def played(sounds: Sequence[tuple[float, Sound]], duration: float = 16.0) -> Sound:
    """Each sound added at its time in seconds."""
    track = np.zeros(len(seconds(duration)))
    for time, sound in sounds:
        start = round(time * SAMPLE_RATE)
        heard = sound[: max(0, len(track) - start)]
        track[start : start + len(heard)] += heard
    return track


def drums(loop: str, bpm: float, duration: float = 16.0) -> Sound:
    steps = np.arange(0.1, duration, 15 / bpm)
    return played(
        [
            (time, sound)
            for pattern, sound in zip(LOOPS[loop], (kick(), snare(), hat()), strict=True)
            for step, time in enumerate(steps)
            if pattern[step % 16] == "x"
        ],
        duration,
    )


def chords(progression: Sequence[Sequence[int]], voice: Voice, *, tuning: float = 440.0) -> Sound:
    """Two strokes a chord, two a second; notes are MIDI numbers."""
    return played(
        [
            (stroke / 2 + 0.05, 0.15 * voice(tuning * 2 ** ((note - 69) / 12), 0.45))
            for stroke in range(32)
            for note in progression[stroke // 2 % len(progression)]
        ]
    )


@pytest.mark.parametrize("bpm", [50, 60, 75, 90, 100, 120, 128, 140, 174, 200])
def test_a_click_track_has_its_tempo(bpm: int) -> None:
    clicks = [(time, click()) for time in np.arange(0.1, 20, 60 / bpm)]
    assert features(played(clicks, 20)).tempo == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize("bpm", [75, 80, 90, 100, 110, 120, 128, 140, 150, 160])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_drum_loop_has_its_tempo(loop: str, bpm: int) -> None:
    assert features(drums(loop, bpm)).tempo == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize("bpm", [50, 60, 174, 200])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_very_slow_or_fast_loop_may_be_heard_twice_or_half_as_fast(loop: str, bpm: int) -> None:
    assert features(drums(loop, bpm)).tempo in [pytest.approx(bpm * times, rel=0.02) for times in (0.5, 1, 2)]


def test_tempo_and_colour_do_not_depend_on_the_level() -> None:
    loud, soft = features(drums("house", 126)), features(0.05 * drums("house", 126))
    assert soft.tempo == pytest.approx(loud.tempo, rel=1e-3)
    assert soft.danceability == pytest.approx(loud.danceability, abs=1e-3)
    assert soft.acousticness == pytest.approx(loud.acousticness, abs=1e-3)


def test_energy_rises_with_gain() -> None:
    loop = drums("rock", 120)
    levels = [features(gain * loop).energy for gain in (0.001, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0, 1.5)]
    assert levels == sorted(levels)
    assert levels[-1] - levels[0] > 0.3


def test_energy_is_higher_for_a_louder_and_denser_recording() -> None:
    assert features(0.3 * drums("rock in sixteenths", 150)).energy > features(0.1 * drums("no hat", 80)).energy


@pytest.mark.parametrize("voice", [piano, plucked, square])
@pytest.mark.parametrize("tuning", [432.0, 440.0, 452.0])
def test_major_is_happier_than_minor(voice: Voice, tuning: float) -> None:
    major, minor = (features(chords(progression, voice, tuning=tuning)) for progression in (MAJOR, MINOR))
    assert major.valence > minor.valence + 0.15


def test_a_steady_beat_is_more_danceable_than_the_same_hits_at_random_times() -> None:
    steady = [(0.1 + 0.5 * beat, kick()) for beat in range(38)]
    random = [(time, kick()) for time in np.random.default_rng(1).uniform(0, 19.5, 38)]
    assert features(played(steady, 20)).danceability > features(played(random, 20)).danceability + 0.4


@pytest.mark.parametrize("synthetic", [square, distorted])
@pytest.mark.parametrize("acoustic", [piano, plucked])
def test_decaying_strings_are_more_acoustic_than_synthesis_and_distortion(acoustic: Voice, synthetic: Voice) -> None:
    assert features(chords(MAJOR, acoustic)).acousticness > features(chords(MAJOR, synthetic)).acousticness + 0.2


@cache
def recording() -> tuple[NDArray[np.float32], Features]:
    """A little longer than one block, so that chunks end on both sides of its border."""
    samples = (drums("pop", 117, 14) + 0.1 * chords(MINOR, plucked)[: 14 * SAMPLE_RATE]).astype(np.float32)
    return samples, features(samples.astype(np.float64))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 14 * SAMPLE_RATE), max_size=12))
def test_chunks_do_not_change_the_answer(cuts: list[int]) -> None:
    samples, whole = recording()
    meter = FeatureMeter()
    for chunk in np.split(samples, sorted(cuts)):
        meter.add(chunk)
    assert meter.finish() == whole


def test_single_samples_are_chunks_too() -> None:
    samples = recording()[0][:9000]
    meter = FeatureMeter()
    for sample in samples:
        meter.add(np.array([sample], np.float32))
    assert meter.finish() == features(samples.astype(np.float64))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=40),
    st.integers(1, 3000),
)
def test_whatever_a_decoder_delivers_the_numbers_are_finite_and_in_range(values: list[float], times: int) -> None:
    heard = features(np.tile(np.array(values, np.float32), times).astype(np.float64))
    assert 40 <= heard.tempo <= 220
    for share in (heard.energy, heard.valence, heard.danceability, heard.acousticness):
        assert 0 <= share <= 1


@pytest.mark.parametrize(
    "silent",
    [np.zeros(0), np.zeros(1), np.ones(1), np.zeros(30 * SAMPLE_RATE), np.full(13 * SAMPLE_RATE, 0.8), 1e-6 * noise(2)],
    ids=["nothing", "one zero", "one sample", "zeros", "constant offset", "rounding"],
)
def test_silence(silent: Sound) -> None:
    assert features(silent) == SILENCE


def test_one_click_has_no_beat() -> None:
    heard = features(played([(2.0, click())]))
    assert heard.tempo == SILENCE.tempo
    assert heard.danceability < 0.05
