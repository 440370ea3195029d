"""Which renditions a source deserves: as good as it is, never better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.renditions import SourceFormat, plan_renditions, resampled_length
from domain.streaming import AudioQuality

AAC_128, AAC_256, LOSSLESS, HI_RES = AudioQuality
Planned = tuple[AudioQuality, int, int | None]


def lossless(rate: int, depth: int | None, channels: int = 2) -> SourceFormat:
    return SourceFormat("flac", True, rate, depth, channels, 900)


def lossy(kbps: int, rate: int = 44_100, channels: int = 2) -> SourceFormat:
    return SourceFormat("mp3", False, rate, None, channels, kbps)


def planned(source: SourceFormat) -> list[Planned]:
    return [(plan.quality, plan.sample_rate_hz, plan.bit_depth) for plan in plan_renditions(source)]


def aac(rate: int = 44_100) -> list[Planned]:
    return [(AAC_256, rate, None), (AAC_128, rate, None)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (lossy(128), [(AAC_128, 44_100, None)]),
        (lossy(159), [(AAC_128, 44_100, None)]),
        (lossy(160), aac()),
        (lossy(320), aac()),
        (lossy(320, rate=48_000), aac()),
        (lossless(44_100, 16), [(LOSSLESS, 44_100, 16), *aac()]),
        (lossless(48_000, 16), [(LOSSLESS, 48_000, 16), *aac()]),
        (lossless(44_100, 24), [(HI_RES, 44_100, 24), (LOSSLESS, 44_100, 16), *aac()]),
        (lossless(96_000, 16), [(HI_RES, 96_000, 16), (LOSSLESS, 48_000, 16), *aac()]),
        (lossless(88_200, 24), [(HI_RES, 88_200, 24), (LOSSLESS, 44_100, 16), *aac()]),
        (lossless(96_000, 24), [(HI_RES, 96_000, 24), (LOSSLESS, 48_000, 16), *aac()]),
        (lossless(192_000, 24), [(HI_RES, 192_000, 24), (LOSSLESS, 48_000, 16), *aac()]),
        (lossless(352_800, 24), [(HI_RES, 176_400, 24), (LOSSLESS, 44_100, 16), *aac()]),
        (lossless(22_050, 16), [(LOSSLESS, 22_050, 16), *aac(22_050)]),
        # AAC cannot spend 256 kbps on one channel of this rate.
        (lossless(22_050, 16, channels=1), [(LOSSLESS, 22_050, 16), (AAC_128, 22_050, None)]),
        (lossless(44_100, None), [(LOSSLESS, 44_100, 16), *aac()]),
    ],
)
def test_examples(source: SourceFormat, expected: list[Planned]) -> None:
    assert planned(source) == expected


def test_channels_are_kept_but_for_aac_which_is_stereo_at_most() -> None:
    assert [plan.channels for plan in plan_renditions(lossless(96_000, 24, channels=6))] == [6, 6, 2, 2]
    assert [plan.channels for plan in plan_renditions(lossless(44_100, 16, channels=1))] == [1, 1, 1]


@given(
    st.builds(
        SourceFormat,
        codec=st.just("any"),
        lossless=st.booleans(),
        sample_rate_hz=st.integers(8_000, 768_000),
        bit_depth=st.none() | st.sampled_from([8, 16, 20, 24, 32]),
        channels=st.integers(1, 8),
        bitrate_kbps=st.integers(8, 10_000),
    )
)
def test_nothing_claims_more_than_the_source_holds(source: SourceFormat) -> None:
    plans = plan_renditions(source)

    qualities = [plan.quality for plan in plans]
    assert qualities == sorted(set(qualities), reverse=True), "best first, each once"
    assert qualities[-1] is AAC_128
    for plan in plans:
        assert plan.sample_rate_hz <= min(source.sample_rate_hz, 192_000)
        assert plan.channels <= source.channels
    if not source.lossless:
        assert max(qualities) <= AAC_256
    # 16 bits are the least that ALAC has; 24 need a source that has more than those.
    assert max((plan.bit_depth or 0 for plan in plans), default=0) <= (24 if (source.bit_depth or 16) > 16 else 16)
    assert (HI_RES in qualities) == (
        source.lossless and (source.sample_rate_hz > 48_000 or (source.bit_depth or 16) > 16)
    )


def test_a_resampled_length_is_the_nearest_whole_number_of_samples() -> None:
    assert resampled_length(441, 44_100, 48_000) == 480
    assert resampled_length(96_001, 96_000, 48_000) == 48_001, "a half goes up"
    assert resampled_length(0, 96_000, 44_100) == 0
