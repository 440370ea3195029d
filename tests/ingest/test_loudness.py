"""The meter against signals whose loudness and peaks are known (EBU Tech 3341)."""

import numpy as np
import pytest

from domain.loudness import Loudness
from ingest.loudness import LoudnessMeter
from tests.fixtures.audio import Samples, frame_of, noise, tone


def measured(samples: Samples, rate: int = 48_000, sample_format: str = "flt", step: int = 4096) -> Loudness | None:
    meter = LoudnessMeter()
    for start in range(0, samples.shape[1], step):
        meter.add(frame_of(samples[:, start : start + step], rate, sample_format))
    return meter.finish()


def faded(samples: Samples) -> Samples:
    """Without the clicks of a sudden start and end, whose overshoots would be the peak."""
    ramp = np.minimum(1.0, np.arange(samples.shape[1]) / 8000)
    return samples * ramp * ramp[::-1]


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_stereo_sine_has_the_loudness_of_its_level(rate: int, level: float) -> None:
    loudness = measured(tone(1000, 5, rate, level_dbfs=level), rate, "s32")
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(level, abs=0.1)
    assert loudness.true_peak_db == pytest.approx(level, abs=0.2)


def test_a_mono_sine_is_three_decibels_softer() -> None:
    loudness = measured(tone(1000, 5, channels=1, level_dbfs=-23, rate=48_000))
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(-26.0, abs=0.1)


def test_quiet_passages_are_gated_out() -> None:
    """Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS measure -23 LUFS."""
    loud, soft = tone(1000, 60, 8000, level_dbfs=-23), tone(1000, 10, 8000, level_dbfs=-36)
    loudness = measured(np.concatenate([soft, loud, soft], axis=1), 8000)
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_peak_between_the_samples_is_seen(rate: int) -> None:
    """Tech 3341, case 16: at a quarter of the rate and 45°, every sample is 3 dB below the peak of the wave."""
    samples = faded(tone(rate / 4, 2, rate, level_dbfs=-6, phase_degrees=45))
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-9.0, abs=0.1)

    loudness = measured(samples, rate)

    assert loudness is not None
    assert loudness.true_peak_db == pytest.approx(-6.0, abs=0.2)


@pytest.mark.parametrize("samples", [96_000, 97_531, 96_001])
def test_a_peak_in_the_last_sample_is_seen(samples: int) -> None:
    sound = noise(samples, level_dbfs=-40)
    sound[:, -1] = 0.5
    loudness = measured(sound)
    assert loudness is not None
    assert loudness.true_peak_db >= -6.1


def test_the_size_of_the_frames_does_not_matter() -> None:
    sound = noise(100_001, level_dbfs=-12)
    assert measured(sound, step=1152) == measured(sound, step=8192)


@pytest.mark.parametrize("sample_format", ["u8", "s16", "s16p", "s32p", "fltp"])
def test_every_sample_format_is_taken(sample_format: str) -> None:
    loudness = measured(tone(1000, 2, 48_000, level_dbfs=-10), 48_000, sample_format)
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(-10.0, abs=0.1)


def test_silence_has_no_loudness() -> None:
    assert measured(np.zeros((2, 96_000))) is None


def test_less_than_a_gating_block_has_no_loudness() -> None:
    assert measured(tone(1000, 0.399, 48_000)) is None
    assert measured(tone(1000, 0.4, 48_000)) is not None


def test_nothing_has_no_loudness() -> None:
    assert LoudnessMeter().finish() is None
