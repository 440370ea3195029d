"""Renditions to the sample: nothing lost, nothing added, nothing shifted."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from domain.renditions import RenditionPlan, SourceFormat, plan_renditions, resampled_length
from domain.streaming import AudioQuality
from ingest.decode import Source, Undecodable
from ingest.encode import Encoded, Encoder
from ingest.filters import FilterChain
from ingest.measure import measure
from tests.fixtures.audio import Codec, Samples, frame_of, music, noise, tone, whole_numbers, write_audio

Depth = int | Literal["float"]

LENGTH = 44_100 + 7
AWKWARD_LENGTHS = [1, 1023, 1024, 1025, 4096, 4097, 3 * 44_100 + 7]
SOURCES: list[tuple[Codec, Depth, int, int]] = [
    ("wav", 16, 22_050, 1),
    ("wav", 8, 22_050, 1),
    ("flac", 16, 44_100, 2),
    ("alac", 16, 44_100, 2),
    ("aiff", 16, 44_100, 2),
    ("wav", "float", 44_100, 2),
    ("flac", 16, 48_000, 2),
    ("flac", 24, 96_000, 2),
    ("wav", 24, 192_000, 2),
    ("flac", 16, 44_100, 6),
    ("flac", 24, 48_000, 8),
    ("mp3", 16, 44_100, 2),
    ("aac", 16, 44_100, 2),
    ("opus", 16, 48_000, 2),
    ("vorbis", 16, 44_100, 2),
]


def renditions(path: Path) -> tuple[SourceFormat, int, list[Encoded]]:
    with Source(path) as source:
        encoders = [
            Encoder(plan, source.format, path.parent / f"{plan.quality.name}.m4a")
            for plan in plan_renditions(source.format)
        ]
        for frame in source.frames():
            for encoder in encoders:
                encoder.add(frame)
        return source.format, source.total_samples, [encoder.finish() for encoder in encoders]


def decoded(path: Path, *, ignore_editlist: bool = False) -> NDArray[np.generic]:
    """Everything the decoder gives, without any trimming."""
    with av.open(str(path), options={"ignore_editlist": "1"} if ignore_editlist else {}) as container:
        return interleaved(container.decode(audio=0))


def interleaved(frames: Iterable[AudioFrame]) -> NDArray[np.generic]:
    """(channels, samples) by way of packed frames: PyAV 18.1 crashes on eight separate planes."""
    packer: FilterChain | None = None
    rows: list[NDArray[np.generic]] = []
    for frame in frames:
        packer = packer or FilterChain(("aformat", f"sample_fmts={frame.format.packed.name}"))
        rows += [packed.to_ndarray().reshape(-1, packed.layout.nb_channels) for packed in packer.push(frame)]
    return np.concatenate(rows).T


def trimmed(encoded: Encoded) -> Samples:
    """What a gapless player plays, at ±1."""
    sound = decoded(encoded.path)
    scale = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}.get(sound.dtype, 1.0)
    end = encoded.encoder_delay + encoded.total_samples
    return np.asarray(sound[:, encoded.encoder_delay : end].astype(np.float64) / scale)


def at_rate(samples: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """`samples` band-limited to another length; exact but for its ends."""
    if len(samples) == length:
        return samples
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(length // 2 + 1, complex)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return np.fft.irfft(kept, length) * length / len(samples)


def lag(sound: NDArray[np.float64], reference: NDArray[np.float64]) -> int:
    """By how many samples `sound` is late, from the peak of the cross-correlation."""
    size = 2 * len(reference)
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(reference, size)))
    peak = int(np.argmax(product))
    return peak - size if peak > size // 2 else peak


# The encoders of these write no decodable packet for less than a frame and a bit.
LONGER = ("aac", "vorbis")
CASES = [
    (*source, length) for source in SOURCES for length in AWKWARD_LENGTHS if length > 1024 or source[0] not in LONGER
]


@pytest.mark.parametrize(("codec", "depth", "rate", "channels", "samples"), CASES)
def test_every_rendition_has_every_sample(
    tmp_path: Path, codec: Codec, depth: Depth, rate: int, channels: int, samples: int
) -> None:
    path = write_audio(tmp_path / "song", noise(samples, channels=channels), rate, codec, bit_depth=depth)

    held, total, made = renditions(path)

    assert [encoded.quality for encoded in made] == [plan.quality for plan in plan_renditions(held)]
    for encoded in made:
        raw = decoded(encoded.path)
        assert encoded.total_samples == resampled_length(total, rate, encoded.sample_rate_hz)
        assert raw.shape == (
            encoded.channels,
            encoded.encoder_delay + encoded.total_samples + encoded.padding,
        )
        assert np.array_equal(raw, decoded(encoded.path, ignore_editlist=True))
        assert encoded.padding >= 0


@pytest.mark.parametrize(("codec", "depth", "rate", "channels"), SOURCES)
def test_every_rendition_is_aligned_with_its_source(
    tmp_path: Path, codec: Codec, depth: Depth, rate: int, channels: int
) -> None:
    sound = music(1.5, rate, channels=channels)
    path = write_audio(tmp_path / "song", sound, rate, codec, bit_depth=depth)

    for encoded in renditions(path)[2]:
        reference = at_rate(sound[0], resampled_length(sound.shape[1], rate, encoded.sample_rate_hz))
        assert lag(trimmed(encoded)[0], reference) == 0, encoded.quality


def test_an_impulse_stays_where_it_was(tmp_path: Path) -> None:
    sound = np.zeros((1, LENGTH))
    sound[:, 12_345] = 0.9
    for encoded in renditions(write_audio(tmp_path / "song.flac", sound, 44_100))[2]:
        assert int(np.argmax(np.abs(trimmed(encoded)[0]))) == 12_345, encoded.quality


@pytest.mark.parametrize(("codec", "channels"), [("flac", 2), ("alac", 1), ("wav", 2), ("aiff", 2), ("flac", 6)])
def test_sixteen_bits_stay_the_same_bits(tmp_path: Path, codec: Codec, channels: int) -> None:
    sound = noise(LENGTH, channels=channels, level_dbfs=-3)
    made = renditions(write_audio(tmp_path / "song", sound, 44_100, codec))[2]
    assert (made[0].quality, made[0].codec, made[0].bit_depth) == (AudioQuality.LOSSLESS, "alac", 16)
    assert np.array_equal(decoded(made[0].path), whole_numbers(sound, 16))


@pytest.mark.parametrize("rate", [44_100, 96_000, 192_000])
def test_twenty_four_bits_stay_the_same_bits(tmp_path: Path, rate: int) -> None:
    sound = noise(LENGTH, level_dbfs=-3)
    made = renditions(write_audio(tmp_path / "song.wav", sound, rate, "wav", bit_depth=24))[2]
    assert (made[0].quality, made[0].bit_depth) == (AudioQuality.HI_RES_LOSSLESS, 24)
    assert np.array_equal(decoded(made[0].path), whole_numbers(sound, 24) << 8)


def test_sixteen_bits_from_more_are_dithered(tmp_path: Path) -> None:
    """A tone of a quarter of a 16-bit step survives; rounding would leave silence."""
    sound = tone(1000, 2, level_dbfs=20 * np.log10(0.25 / 32768), channels=1)
    made = {e.quality: e for e in renditions(write_audio(tmp_path / "song.flac", sound, 44_100, bit_depth=24))[2]}

    heard = trimmed(made[AudioQuality.LOSSLESS])[0] * 32768

    wanted = 4 * sound[0] * 32768
    assert heard @ wanted / (wanted @ wanted) == pytest.approx(0.25, abs=0.03)
    assert np.std(heard - wanted / 4) == pytest.approx(np.sqrt(1 / 12 + 1 / 6), rel=0.1)


def test_resampling_keeps_what_can_be_heard_and_nothing_folds_back(tmp_path: Path) -> None:
    rate, level = 96_000, 10 ** (-6 / 20)
    for frequency, kept in ((20_000, level), (25_500, 0.0)):
        path = write_audio(tmp_path / "song.flac", tone(frequency, 1, rate, channels=1), rate, bit_depth=24)
        made = {encoded.quality: encoded for encoded in renditions(path)[2]}
        middle = trimmed(made[AudioQuality.LOSSLESS])[0][4800:-4800]
        assert np.sqrt(2) * np.std(middle) == pytest.approx(kept, abs=0.01 * level)


def test_aac_keeps_to_its_rate_and_sounds_like_its_source(tmp_path: Path) -> None:
    sound = music(6)
    for encoded in renditions(write_audio(tmp_path / "song.flac", sound, 44_100))[2][1:]:
        assert encoded.codec == "mp4a.40.2"
        assert encoded.bit_depth is None
        wanted, snr = {AudioQuality.AAC_256: (256, 21), AudioQuality.AAC_128: (128, 13)}[encoded.quality]
        assert encoded.bitrate_kbps == pytest.approx(wanted, rel=0.05)
        error = trimmed(encoded) - sound
        assert 10 * np.log10(np.mean(sound**2) / np.mean(error**2)) > snr


def test_the_file_streams_and_says_nothing_about_itself(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.flac", noise(LENGTH), 44_100, tags={"title": "A song", "artist": "Somebody"})
    for encoded in renditions(path)[2]:
        data = encoded.path.read_bytes()
        assert encoded.size_bytes == len(data)
        assert 0 < data.index(b"moov") < data.index(b"mdat")
        for unwanted in (b"elst", b"Lav", b"\xa9too", b"A song", b"Somebody"):
            assert unwanted not in data


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.flac", music(1), 44_100, bit_depth=24)
    first = [encoded.path.read_bytes() for encoded in renditions(path)[2]]
    assert [encoded.path.read_bytes() for encoded in renditions(path)[2]] == first


PLAN = RenditionPlan(AudioQuality.AAC_128, "aac", 44_100, None, 2, 128)
FORMAT = SourceFormat("flac", True, 44_100, 16, 2, 900)


def test_an_encoding_that_fails_leaves_no_file(tmp_path: Path) -> None:
    encoder = Encoder(PLAN, FORMAT, tmp_path / "song.m4a")
    encoder.add(frame_of(noise(4096), 44_100, "s16"))
    encoder.add(frame_of(noise(4096), 44_100, "s16"))
    assert (tmp_path / "song.m4a").exists()

    with pytest.raises(av.FFmpegError):  # It does not fit the frames before it.
        encoder.add(frame_of(noise(4096, channels=6), 44_100, "s16"))

    assert list(tmp_path.iterdir()) == []


def test_measuring_gives_everything_at_once(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.flac", music(5), 44_100)
    (tmp_path / "out").mkdir()

    result = measure(path, tmp_path / "out")

    assert result.duration_ms == 5000
    assert result.loudness is not None
    assert -30 < result.loudness.integrated_lufs < -10
    assert result.features.tempo == pytest.approx(120, abs=2)
    assert [e.path.name for e in result.renditions] == ["lossless.m4a", "aac_256.m4a", "aac_128.m4a"]


def test_measuring_a_broken_file_leaves_nothing(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.flac", music(5), 44_100)
    path.write_bytes(path.read_bytes()[:-1000])
    (tmp_path / "out").mkdir()

    with pytest.raises(Undecodable):
        measure(path, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []
