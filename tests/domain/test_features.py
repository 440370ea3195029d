import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.features import (
    SILENCE,
    Features,
    acousticness,
    danceability,
    distance,
    energy,
    profile,
    tempo_preference,
    valence,
)

shares = st.floats(0, 1)
tempi = st.floats(40, 220)
features = st.builds(Features, tempo=tempi, energy=shares, valence=shares, danceability=shares, acousticness=shares)
measured = st.floats(-1e6, 1e6)


@given(features, features)
def test_the_l1_distance_of_profiles_is_the_radio_distance(a: Features, b: Features) -> None:
    l1 = sum(abs(x - y) for x, y in zip(profile(a), profile(b), strict=True))
    assert l1 == pytest.approx(distance(a, b), abs=1e-12)


@given(features, features, features)
def test_distance_is_a_metric_between_0_and_1(a: Features, b: Features, c: Features) -> None:
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-12
    assert 0 <= distance(a, b) <= 1 + 1e-12


def test_opposites_are_1_apart() -> None:
    slow = Features(tempo=40, energy=0, valence=0, danceability=0, acousticness=0)
    fast = Features(tempo=220, energy=1, valence=1, danceability=1, acousticness=0)
    assert distance(slow, fast) == pytest.approx(1)
    assert profile(slow) == (0, 0, 0, 0)
    assert profile(fast) == pytest.approx((0.2, 0.3, 0.3, 0.2))


def test_acousticness_is_no_part_of_the_distance() -> None:
    loud = Features(tempo=120, energy=0, valence=0.5, danceability=0, acousticness=1)
    assert distance(SILENCE, loud) == 0


@given(measured, measured, measured, tempi)
def test_every_scale_is_bounded(x: float, y: float, z: float, tempo: float) -> None:
    for value in (
        energy(loudness_db=x, onset_rate=y, bandwidth_hz=z),
        valence(mode=x, tempo=tempo, brightness=y),
        danceability(clarity=x, strength=y, tempo=tempo),
        acousticness(treble_db=x, flatness_db=y, crest_db=z),
    ):
        assert 0 <= value <= 1


@given(st.floats(-60, 0), st.floats(0, 12), st.floats(0, 5000), st.floats(0.1, 6))
def test_energy_rises_with_level_density_and_width(level: float, rate: float, width: float, more: float) -> None:
    here = energy(loudness_db=level, onset_rate=rate, bandwidth_hz=width)
    assert energy(loudness_db=level + more, onset_rate=rate, bandwidth_hz=width) > here
    assert energy(loudness_db=level, onset_rate=rate + more, bandwidth_hz=width) >= here
    assert energy(loudness_db=level, onset_rate=rate, bandwidth_hz=width + 100 * more) >= here


def test_the_preferred_tempo_is_120() -> None:
    assert tempo_preference(120, 0.7) == 1
    assert tempo_preference(60, 0.7) == pytest.approx(tempo_preference(240, 0.7))
