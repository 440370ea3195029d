"""What a file holds to the sample, and how a file that is not whole is refused."""

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from domain.renditions import SourceFormat
from ingest.decode import Source, Undecodable
from tests.fixtures.audio import Codec, music, noise, whole_numbers, write_audio

LENGTH = 44_100 + 7
# The native Vorbis encoder ends on multiples of 64 samples.
VORBIS_STEP = 64


def read(path: Path) -> tuple[SourceFormat, int]:
    with Source(path) as source:
        counted = sum(frame.samples for frame in source.frames())
        assert counted == source.total_samples
        return source.format, counted


def refusal(path: Path) -> str:
    with pytest.raises(Undecodable) as refused:
        read(path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("codec", "depth", "rate", "channels", "expected"),
    [
        ("flac", 16, 44_100, 2, ("flac", 16)),
        ("flac", 24, 96_000, 2, ("flac", 24)),
        ("flac", 16, 48_000, 6, ("flac", 16)),
        ("flac", 24, 48_000, 8, ("flac", 24)),
        ("oggflac", 16, 44_100, 2, ("flac", 16)),
        ("alac", 16, 44_100, 1, ("alac", 16)),
        ("alac", 24, 96_000, 2, ("alac", 24)),
        ("wav", 8, 22_050, 1, ("pcm_u8", 8)),
        ("wav", 16, 44_100, 2, ("pcm_s16le", 16)),
        ("wav", 24, 192_000, 2, ("pcm_s24le", 24)),
        ("wav", "float", 44_100, 2, ("pcm_f32le", 24)),
        ("aiff", 16, 44_100, 1, ("pcm_s16be", 16)),
        ("aiff", 24, 44_100, 2, ("pcm_s24be", 24)),
        ("mp3", 16, 44_100, 2, ("mp3", None)),
        ("mp3", 16, 22_050, 1, ("mp3", None)),
        ("opus", 16, 48_000, 2, ("opus", None)),
        ("aac", 16, 44_100, 2, ("aac", None)),
    ],
)
def test_every_format_gives_its_samples_and_says_what_it_is(
    tmp_path: Path,
    codec: Codec,
    depth: int | Literal["float"],
    rate: int,
    channels: int,
    expected: tuple[str, int | None],
) -> None:
    path = write_audio(tmp_path / "song", noise(LENGTH, channels=channels), rate, codec, bit_depth=depth)

    held, samples = read(path)

    assert samples == LENGTH
    assert (held.codec, held.bit_depth) == expected
    assert (held.sample_rate_hz, held.channels, held.lossless) == (rate, channels, expected[1] is not None)


def test_vorbis_gives_its_samples(tmp_path: Path) -> None:
    held, samples = read(write_audio(tmp_path / "song.ogg", noise(LENGTH), 44_100, "vorbis"))
    assert 0 <= samples - LENGTH < VORBIS_STEP
    assert (held.codec, held.lossless, held.bit_depth) == ("vorbis", False, None)


def test_lossless_samples_are_the_ones_in_the_file(tmp_path: Path) -> None:
    samples = noise(5000, level_dbfs=-3)
    with Source(write_audio(tmp_path / "song.flac", samples, 44_100)) as source:
        decoded = np.concatenate([frame.to_ndarray() for frame in source.frames()], axis=1)

    assert np.array_equal(decoded.reshape(-1, 2).T, whole_numbers(samples, 16))


def test_the_bit_rate_is_that_of_the_sound_without_its_cover(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.mp3", music(2), 44_100, "mp3", bitrate_kbps=128)
    cover = b"APIC" + (500_000).to_bytes(4, "big") + b"\0\0" + b"\0image/png\0\3\0" + bytes(500_000 - 14)
    size = len(cover)
    syncsafe = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\3\0\0" + syncsafe + cover + path.read_bytes())

    held, samples = read(path)

    assert held.bitrate_kbps == 128
    assert samples == 2 * 44_100


def test_the_content_decides_and_not_the_ending(tmp_path: Path) -> None:
    held, samples = read(write_audio(tmp_path / "song: one.flac", noise(LENGTH), 44_100, "mp3"))
    assert (held.codec, samples) == ("mp3", LENGTH)


def test_flac_behind_an_id3_tag_is_read(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.flac", noise(LENGTH), 44_100)
    path.write_bytes(b"ID3\4\0\0\0\0\1\0" + bytes(128) + path.read_bytes())
    assert read(path)[1] == LENGTH


def ape_tag(picture: bytes) -> bytes:
    item = struct.pack("<II", len(picture), 2) + b"Cover Art (front)\0" + picture
    header, footer = (
        struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, flags) for flags in (0xA0000000, 0x80000000)
    )
    return header + item + footer


ID3V1 = b"TAG" + b"A song".ljust(125, b"\0")


@pytest.mark.parametrize(
    "tag",
    [ID3V1, ape_tag(random.Random(1).randbytes(60_000)), ape_tag(b"\xff\xfb") + ID3V1, b"LYRICSBEGIN001511LYRICS200"],
    ids=["ID3v1", "APE", "APE and ID3v1", "Lyrics3"],
)
def test_tags_after_an_mp3_do_no_harm(tmp_path: Path, tag: bytes) -> None:
    path = write_audio(tmp_path / "song.mp3", noise(LENGTH), 44_100, "mp3")
    path.write_bytes(path.read_bytes() + tag)
    held, samples = read(path)
    assert samples == LENGTH
    assert held.bitrate_kbps == pytest.approx(192, rel=0.05)


def test_rubbish_before_an_mp3_does_no_harm(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.mp3", noise(10 * LENGTH), 44_100, "mp3")
    # Cut inside a frame, as recordings of radio streams are; their header frame is gone as well.
    path.write_bytes(path.read_bytes()[3000:])
    assert 9.5 * LENGTH < read(path)[1] < 10 * LENGTH


def test_an_edit_list_ends_the_sound(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.m4a", noise(LENGTH), 44_100, "aac")
    data = bytearray(path.read_bytes())
    # Half a second of the second that is there: elst counts in the movie's milliseconds.
    at = data.index(b"elst") + 12
    data[at : at + 4] = (500).to_bytes(4, "big")
    path.write_bytes(data)
    assert read(path)[1] == 22_050


@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("codec", ["flac", "oggflac", "wav", "aiff", "alac", "aac", "mp3", "vorbis", "opus"])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, codec: Codec, part: float) -> None:
    rate = 48_000 if codec == "opus" else 44_100
    path = write_audio(tmp_path / "song", noise(3 * LENGTH), rate, codec)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    assert "cut off" in refusal(path) or "damaged" in refusal(path)


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_an_mp4_that_streams_and_breaks_off_is_refused(tmp_path: Path, codec: Codec) -> None:
    path = write_audio(
        tmp_path / "song.m4a", noise(3 * LENGTH), 44_100, codec, container_options={"movflags": "+faststart"}
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert refusal(path) == "The file is cut off: its end is missing."


def test_a_wav_that_breaks_off_between_two_packets_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.wav", noise(3 * LENGTH), 44_100, "wav")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"data") + 8 + 4096 * 4])
    assert refusal(path) == "The file is cut off: its end is missing."


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_does_not_know_its_size_and_is_taken(tmp_path: Path, size: int) -> None:
    path = write_audio(tmp_path / "song.wav", noise(LENGTH), 44_100, "wav")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert read(path)[1] == LENGTH


def test_a_large_wav_keeps_its_size_elsewhere(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.wav", noise(LENGTH), 44_100, "wav", container_options={"rf64": "always"})
    data = path.read_bytes()
    assert data.startswith(b"RF64")
    assert read(path)[1] == LENGTH
    path.write_bytes(data[:-5000])
    assert refusal(path) == "The file is cut off: its end is missing."


def overwritten(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + random.Random(1).randbytes(20_000) + data[middle + 20_000 :]


def taken_out(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + data[middle + 20_000 :]


@pytest.mark.parametrize("damage", [overwritten, taken_out])
@pytest.mark.parametrize("codec", ["flac", "oggflac", "aac", "mp3", "vorbis", "opus"])
def test_damage_in_the_middle_is_refused(tmp_path: Path, codec: Codec, damage: Callable[[bytes], bytes]) -> None:
    rate = 48_000 if codec == "opus" else 44_100
    path = write_audio(tmp_path / "song", noise(6 * LENGTH), rate, codec)
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    path.touch()
    assert refusal(path) == "The file is empty."


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary, today I heard a song.\n" * 100,
        random.Random(7).randbytes(100_000),
        bytes(50_000),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://192.0.2.1/song.ts\n",
        b"RIFF",
        b"fLaC",
        b"OggS",
        b"ID3\4\0\0\0\0\0\0",
    ],
    ids=["text", "noise", "zeros", "playlist", "riff", "flac", "ogg", "id3"],
)
def test_what_is_not_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    assert refusal(path) in (
        "This is not an audio file of a kind known here, or its beginning is damaged.",
        "The file is cut off: its end is missing.",
        "The file holds no sound.",
        "The sound is damaged after 0:00.",
    )


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song.wav", noise(100), 44_100, "wav")
    data = path.read_bytes()
    at = data.index(b"data")
    path.write_bytes(data[: at + 4] + bytes(4))
    assert refusal(path) == "The file holds no sound."


def test_a_file_that_cannot_be_read_is_no_fault_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Source(tmp_path / "song.flac"):
        pass
