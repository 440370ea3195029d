"""Tags written by mutagen into real files of every container, read back as one `Tags`."""

import base64
import shutil
import struct
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import mutagen.aiff
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.oggopus
import mutagen.oggvorbis
import mutagen.wave
import pytest

from ingest.tags import Tags, read_tags
from tests.fixtures.tagged import CONTAINERS, image, write_silence

FRONT, BACK = image("red"), image("blue")

EVERYTHING = Tags(
    title="Jóga",
    artist="Björk",
    album="Homogenic",
    album_artist="Björk & Friends",
    compilation=True,
    disc_number=2,
    track_number=3,
    release_date=date(1997, 9, 22),
    genres=("Electronic", "Trip-Hop"),
    isrc="GBAYE9700257",
    upc="4006381333931",
    explicit=True,
    release_types=("album", "live"),
    picture=FRONT,
    has_album_tag=True,
)

# mutagen's classes are untyped; as Any they can be called.
id3: Any = mutagen.id3
mp4: Any = mutagen.mp4
FLAC: Any = mutagen.flac.FLAC
OggVorbis: Any = mutagen.oggvorbis.OggVorbis
OggOpus: Any = mutagen.oggopus.OggOpus
WAVE: Any = mutagen.wave.WAVE
AIFF: Any = mutagen.aiff.AIFF
APEv2: Any = mutagen.apev2.APEv2
Picture: Any = mutagen.flac.Picture
VORBIS_KINDS = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus}


@pytest.fixture(scope="session")
def silences(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("silence")
    paths = {ending: folder / f"silence.{ending}" for ending in CONTAINERS}
    for path in paths.values():
        write_silence(path)
    return paths


@pytest.fixture
def silence(silences: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Copies the silence of a container to a path beneath the test's folder."""

    def copy(name: str, ending: str | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(silences[ending or path.suffix[1:]], path)
        return path

    return copy


Silence = Callable[..., Path]


def id3_frames(encoding: int = 3) -> list[Any]:
    def frame(kind: Any, text: Any) -> Any:
        return kind(encoding=encoding, text=text)

    return [
        frame(id3.TIT2, "Jóga"),
        frame(id3.TPE1, ["Björk"]),
        frame(id3.TALB, "Homogenic"),
        frame(id3.TPE2, "Björk & Friends"),
        frame(id3.TCMP, "1"),
        frame(id3.TPOS, "2/2"),
        frame(id3.TRCK, "03/10"),
        frame(id3.TDRC, "1997-09-22"),
        frame(id3.TCON, ["Electronic", "(27)"]),
        frame(id3.TSRC, "GB-AYE-97-00257"),
        id3.TXXX(encoding=encoding, desc="BARCODE", text="4006381333931"),
        id3.TXXX(encoding=encoding, desc="ITUNESADVISORY", text="1"),
        id3.TXXX(encoding=encoding, desc="MusicBrainz Album Type", text=["Album", "Live"]),
        id3.APIC(encoding=encoding, mime="image/png", type=4, desc="back", data=BACK),
        id3.APIC(encoding=encoding, mime="image/png", type=3, desc="front", data=FRONT),
    ]


def write_id3(path: Path, frames: list[Any], **options: Any) -> None:
    tags = id3.ID3()
    for frame in frames:
        tags.add(frame)
    if options.get("v2_version") == 3:
        tags.update_to_v23()
    tags.save(path, **options)


VORBIS = {
    "TITLE": "Jóga",
    "ARTIST": ["Björk", "Someone Else"],
    "ALBUM": "Homogenic",
    "ALBUMARTIST": "Björk & Friends",
    "COMPILATION": "1",
    "DISCNUMBER": "2",
    "TRACKNUMBER": "3",
    "DATE": "1997-09-22",
    "GENRE": ["Electronic", "Trip-Hop"],
    "ISRC": "GBAYE9700257",
    "BARCODE": "4006381333931",
    "ITUNESADVISORY": "1",
    "RELEASETYPE": ["album", "live"],
}


def block(data: bytes, kind: int) -> Any:
    picture = Picture()
    picture.data, picture.type, picture.mime = data, kind, "image/png"
    return picture


def tag_vorbis(kind: Any, path: Path) -> None:
    file = kind(path)
    for name, value in VORBIS.items():
        file[name] = value
    if kind is FLAC:
        file.add_picture(block(BACK, 4))
        file.add_picture(block(FRONT, 3))
    else:
        pictures = [base64.b64encode(block(*each).write()).decode() for each in ((BACK, 4), (FRONT, 3))]
        file["METADATA_BLOCK_PICTURE"] = pictures
    file.save()


@pytest.mark.parametrize("encoding", [0, 1, 3], ids=["latin1", "utf16", "utf8"])
@pytest.mark.parametrize("version", [3, 4])
def test_mp3(silence: Silence, encoding: int, version: int) -> None:
    path = silence("x.mp3")
    write_id3(path, id3_frames(encoding), v2_version=version)
    assert read_tags(path) == EVERYTHING


@pytest.mark.parametrize(("ending", "kind"), [("wav", WAVE), ("aiff", AIFF)])
def test_id3_in_wav_and_aiff(silence: Silence, ending: str, kind: Any) -> None:
    path = silence(f"x.{ending}")
    file = kind(path)
    file.add_tags()
    for frame in id3_frames():
        file.tags.add(frame)
    file.save()
    assert read_tags(path) == EVERYTHING


@pytest.mark.parametrize(("ending", "kind"), VORBIS_KINDS.items())
def test_vorbis_comments(silence: Silence, ending: str, kind: Any) -> None:
    path = silence(f"x.{ending}")
    tag_vorbis(kind, path)
    assert read_tags(path) == EVERYTHING


def test_mp4(silence: Silence) -> None:
    path = silence("x.m4a")
    file = mp4.MP4(path)
    freeform = "----:com.apple.iTunes:"
    file.update(
        {
            "©nam": "Jóga",
            "©ART": "Björk",
            "©alb": "Homogenic",
            "aART": "Björk & Friends",
            "cpil": True,
            "disk": [(2, 2)],
            "trkn": [(3, 10)],
            "©day": "1997-09-22T07:00:00Z",
            "©gen": ["Electronic", "Trip-Hop"],
            "rtng": [4],
            "covr": [mp4.MP4Cover(FRONT, mp4.MP4Cover.FORMAT_PNG), mp4.MP4Cover(BACK, mp4.MP4Cover.FORMAT_PNG)],
            f"{freeform}ISRC": [mp4.MP4FreeForm(b"GBAYE9700257")],
            f"{freeform}BARCODE": [mp4.MP4FreeForm(b"4006381333931")],
            f"{freeform}MusicBrainz Album Type": [mp4.MP4FreeForm(b"album"), mp4.MP4FreeForm(b"live")],
        }
    )
    file.save()
    assert read_tags(path) == EVERYTHING


def test_apev2_fills_what_id3_leaves_out(silence: Silence) -> None:
    path = silence("x.mp3")
    ape = APEv2()
    ape.update({"Title": "From APE", "Artist": ["Björk", "Someone Else"], "Album": "Homogenic", "Track": "3/10"})
    ape["Year"] = "1997"
    ape.save(path)
    write_id3(path, [id3.TIT2(encoding=3, text="From ID3")])
    assert read_tags(path) == Tags(
        title="From ID3",
        artist="Björk",
        album="Homogenic",
        track_number=3,
        release_date=date(1997, 1, 1),
        has_album_tag=True,
    )


def test_id3_v1_alone(silence: Silence) -> None:
    path = silence("Music/x.mp3")
    write_id3(path, [id3.TIT2(encoding=3, text="Old"), id3.TCON(encoding=3, text="17")], v1=2)
    data = path.read_bytes()
    path.write_bytes(data[data.index(b"\xff\xfb") :])
    assert read_tags(path) == Tags("Old", "Unknown Artist", genres=("Rock",))


def test_id3_v22(silence: Silence) -> None:
    def frame(name: bytes, text: bytes) -> bytes:
        return name + len(text).to_bytes(3, "big") + text

    frames = (
        frame(b"TT2", b"\0Old") + frame(b"TP1", b"\0Bj\xf6rk") + frame(b"TRK", b"\x003/9") + frame(b"TYE", b"\x001997")
    )
    path = silence("Music/x.mp3")
    path.write_bytes(b"ID3\x02\0\0" + bytes([0, 0, 0, len(frames)]) + frames + path.read_bytes())
    assert read_tags(path) == Tags("Old", "Björk", track_number=3, release_date=date(1997, 1, 1))


def test_windows_quotes_in_latin1(silence: Silence) -> None:
    path = silence("x.mp3")
    write_id3(path, [id3.TIT2(encoding=0, text="Don\x92t \x96 really")], v2_version=3)
    assert read_tags(path).title == "Don’t – really"


def test_a_slash_does_not_part_an_artist(silence: Silence) -> None:
    path = silence("x.mp3")
    write_id3(path, [id3.TPE1(encoding=3, text="AC/DC")], v2_version=3)
    assert read_tags(path).artist == "AC/DC"


def test_riff_info(silence: Silence) -> None:
    def chunk(name: bytes, text: bytes) -> bytes:
        return name + struct.pack("<I", len(text)) + text + bytes(len(text) % 2)

    path = silence("Music/x.wav")
    info = b"INFO" + chunk(b"INAM", b"Field\0") + chunk(b"IART", b"Bj\xf6rk") + chunk(b"ICRD", b"2003-04-05")
    data = path.read_bytes() + chunk(b"LIST", info)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    assert read_tags(path) == Tags("Field", "Björk", release_date=date(2003, 4, 5))


@pytest.mark.parametrize(("ending", "kind"), [("flac", FLAC), ("ogg", OggVorbis)])
def test_content_counts_and_not_the_ending(silence: Silence, ending: str, kind: Any) -> None:
    path = silence("x.mp3", ending)
    tag_vorbis(kind, path)
    assert read_tags(path) == EVERYTHING


def test_flac_behind_an_id3_tag(silence: Silence) -> None:
    path = silence("x.flac")
    tag_vorbis(FLAC, path)
    write_id3(path, [id3.TIT2(encoding=3, text="Wrong place")])
    assert read_tags(path) == EVERYTHING


@pytest.mark.parametrize("ending", CONTAINERS)
def test_without_tags_the_names_speak(silence: Silence, ending: str) -> None:
    path = silence(f"Björk/Homogenic (1997)/CD2/03 - Jóga.{ending}")
    assert read_tags(path) == Tags("Jóga", "Björk", album="Homogenic", disc_number=2, track_number=3)


@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_lone_file_without_tags(silence: Silence, ending: str) -> None:
    assert read_tags(silence(f"Music/noise.{ending}")) == Tags("noise", "Unknown Artist")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
        b"ID3\x03\0\0\0\0\0\x20TIT2\xff\xff\xff\xff" + bytes(40),
        b"fLaC\x84\xff\xff\xff",
        b"OggS" + bytes(200),
        b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis",
        b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xffINFOINAM\xff\xff\xff\xff",
        b"RIFF\0\0\0\0WAVELIST\0\0\0\0INFO",
        b"FORM\xff\xff\xff\xffAIFFID3 \xff\xff\xff\xff",
        b"\0\0\0\x20ftypM4A " + bytes(16) + b"\0\0\0\x01moov" + bytes(64),
        b"\0\0\0\x20ftypM4A " + bytes(16) + b"\xff\xff\xff\xffmoov",
        bytes(range(256)) * 8,
    ],
)
def test_broken_tags_count_as_missing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "Music" / "Björk - Jóga.mp3"
    path.parent.mkdir()
    path.write_bytes(data)
    assert read_tags(path) == Tags("Jóga", "Björk")


@pytest.mark.parametrize("ending", CONTAINERS)
def test_files_cut_anywhere_raise_nothing(silence: Silence, ending: str) -> None:
    path = silence(f"x.{ending}")
    if ending in VORBIS_KINDS:
        tag_vorbis(VORBIS_KINDS[ending], path)
    elif ending == "mp3":
        write_id3(path, id3_frames())
    data = path.read_bytes()
    for length in range(0, min(len(data), 1_500), 37):
        path.write_bytes(data[:length])
        assert read_tags(path).title in ("x", "Jóga")


def test_values_are_cleaned_and_cut(silence: Silence) -> None:
    path = silence("x.flac")
    file = FLAC(path)
    file["TITLE"] = "a\x01b\r\n" + "x" * 10_000
    file["ARTIST"] = ["  ", "\x1b[31mRed"]
    file["ALBUM"] = "e\u0301"
    file["DATE"] = "someday"
    file["METADATA_BLOCK_PICTURE"] = "not base64"
    file.save()
    assert read_tags(path) == Tags("a b " + "x" * 496, "[31mRed", album="é", has_album_tag=True)


def test_an_album_artist_stands_in_for_a_missing_artist(silence: Silence) -> None:
    path = silence("x.mp3")
    write_id3(path, [id3.TPE2(encoding=3, text="Abba")])
    tags = read_tags(path)
    assert (tags.artist, tags.album_artist) == ("Abba", "Abba")


def test_the_picture_can_be_left_out(silence: Silence) -> None:
    path = silence("x.flac")
    tag_vorbis(FLAC, path)
    assert read_tags(path, picture=False).picture is None


def test_a_file_that_cannot_be_opened_is_the_callers_matter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tags(tmp_path / "gone.mp3")
