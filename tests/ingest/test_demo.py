"""The demo catalogue: what it promises about files, tags and sound."""

import base64
import re
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
from mutagen.flac import Picture
from numpy.typing import NDArray

from ingest.demo import write_demo
from ingest.demo.catalogue import RELEASES, Release
from ingest.demo.mixing import CEILING, render
from ingest.demo.pieces import hearth, weather
from ingest.demo.score import chords, line, voiced
from ingest.demo.write import replacing, write_release

ONE_DBFS_BELOW = 10 ** (-1 / 20)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    told: list[str] = []
    return write_demo(tmp_path_factory.mktemp("demo"), told.append), told


@pytest.fixture(scope="module")
def files(demo: tuple[list[Path], list[str]]) -> dict[str, Path]:
    return {re.sub(r"^\d\d ", "", file.stem): file for file in demo[0]}


def samples(file: Path) -> tuple[NDArray[np.float32], int]:
    """Decoded sound, shape (channels, length), and its rate."""
    with av.open(str(file)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp")
        blocks = [part.to_ndarray() for frame in container.decode(stream) for part in resampler.resample(frame)]
        return np.concatenate(blocks, axis=1), stream.rate


def release(title: str) -> Release:
    return next(release for release in RELEASES if release.title == title)


def test_every_track_is_written_once_and_told(demo: tuple[list[Path], list[str]]) -> None:
    written, told = demo
    assert len(written) == len(set(written)) == len(told) == 12
    folder = written[0].parents[2]
    found = {path for path in folder.rglob("*") if path.is_file()}
    assert found - set(written) == {
        folder / "The Isobar Society/Weather for Sleeping Cities/cover.jpg",
        folder / "Various Artists/Night Bus Home/cover.jpg",
    }
    assert written[1].relative_to(folder).as_posix() == (
        "The Isobar Society/Weather for Sleeping Cities/02 Cloudbase, Part One.flac"
    )
    assert told[1] == "The Isobar Society: Cloudbase, Part One"
    assert sum(path.stat().st_size for path in found) < 60_000_000


def test_kinds_of_release() -> None:
    assert [(release.kind, len(release.tracks)) for release in RELEASES] == [
        ("album", 4),
        ("ep", 3),
        ("single", 1),
        ("single", 1),
        ("compilation", 3),
    ]


def test_identifiers_are_well_formed_and_nobody_elses() -> None:
    isrcs = [track.isrc for release in RELEASES for track in release.tracks]
    assert len(set(isrcs)) == 12
    assert all(re.fullmatch(r"XXSEG\d{7}", isrc) for isrc in isrcs)
    for release in RELEASES:
        assert re.fullmatch(r"952\d{10}", release.barcode)
        assert sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(release.barcode)) % 10 == 0


def test_formats_and_rates(files: dict[str, Path]) -> None:
    formats = {}
    for title, file in files.items():
        with av.open(str(file)) as container:
            stream = container.streams.audio[0]
            context = stream.codec_context
            formats[title] = context.name, stream.rate, stream.channels
            assert container.duration is not None
            assert 20 < container.duration / av.time_base < 40, title
    others = {
        "Salt on the Window": ("vorbis", 44_100, 2),
        "Blue Umbrella": ("flac", 96_000, 2),
        "Copper Sun": ("aac", 44_100, 2),
        "Platform Six": ("mp3float", 44_100, 2),
        "Closing Time Waltz": ("opus", 48_000, 2),
    }
    assert formats == {title: others.get(title, ("flac", 44_100, 2)) for title in files}
    assert mutagen.File(files["Blue Umbrella"]).info.bits_per_sample == 24
    assert mutagen.File(files["Undertow"]).info.bits_per_sample == 16
    assert mutagen.File(files["Platform Six"]).info.bitrate == 256_000


def test_vorbis_comments(files: dict[str, Path]) -> None:
    for title, cover in (("Salt on the Window", True), ("Closing Time Waltz", False)):
        tags = dict(mutagen.File(files[title]).tags)
        pictures = tags.pop("metadata_block_picture", [])
        assert len(pictures) == cover
        if cover:
            picture = Picture(base64.b64decode(pictures[0]))
            assert (picture.type, picture.mime, picture.width) == (3, "image/jpeg", 1200)
    assert tags == {
        "title": ["Closing Time Waltz"],
        "artist": ["Oldwick Lane Quartet"],
        "albumartist": ["Various Artists"],
        "album": ["Night Bus Home"],
        "tracknumber": ["3/3"],
        "discnumber": ["1/1"],
        "date": ["2026-09-11"],
        "genre": ["Jazz"],
        "isrc": ["XXSEG2600008"],
        "barcode": ["9521234500056"],
        "releasetype": ["compilation"],
        "compilation": ["1"],
    }


def test_flac_tags(files: dict[str, Path]) -> None:
    flac = mutagen.File(files["Barley Reel"])
    assert (flac["tracknumber"], flac["genre"], flac["releasetype"]) == (["3/3"], ["Folk", "Celtic"], ["ep"])
    assert [picture.mime for picture in flac.pictures] == ["image/jpeg"]
    assert mutagen.File(files["First Tram"]).pictures == []


def test_id3_tags(files: dict[str, Path]) -> None:
    tags = mutagen.File(files["Platform Six"]).tags
    assert {name: list(tags[name].text) for name in ("TIT2", "TPE1", "TPE2", "TRCK", "TCON", "TSRC", "TCMP")} == {
        "TIT2": ["Platform Six"],
        "TPE1": ["The Isobar Society"],
        "TPE2": ["Various Artists"],
        "TRCK": ["1/3"],
        "TCON": ["Techno", "Electronic"],
        "TSRC": ["XXSEG2600006"],
        "TCMP": ["1"],
    }
    assert str(tags["TDRC"].text[0]) == "2026-09-11"
    assert tags["TXXX:BARCODE"].text == ["9521234500056"]


def test_itunes_atoms(files: dict[str, Path]) -> None:
    tags = mutagen.File(files["Copper Sun"]).tags
    assert (tags["\xa9nam"], tags["trkn"], tags["\xa9gen"]) == (["Copper Sun"], [(1, 1)], ["House", "Electronic"])
    assert bytes(tags["----:com.apple.iTunes:ISRC"][0]) == b"XXSEG2600005"
    assert bytes(tags["covr"][0]).startswith(b"\x89PNG")
    assert not tags["cpil"]


def test_nothing_clips_and_both_ends_are_silent(files: dict[str, Path]) -> None:
    for title, file in files.items():
        sound, rate = samples(file)
        assert 0.2 < np.abs(sound).max() < ONE_DBFS_BELOW, title
        # A gapless pair has sound at its joint; every other start and end comes from silence.
        if title != "Cloudbase, Part Two":
            assert np.abs(sound[:, : rate // 5000]).max() < 0.01, title
        if title != "Cloudbase, Part One":
            assert np.abs(sound[:, -rate // 100 :]).max() < 0.003, title


def test_the_gapless_pair_is_one_sound(files: dict[str, Path]) -> None:
    (first, _), (second, _) = samples(files["Cloudbase, Part One"]), samples(files["Cloudbase, Part Two"])
    assert first.shape[1] % 1024 != 0
    # There is sound on both sides, and the step across the joint is no larger than the steps around it.
    assert min(np.abs(first[:, -441:]).max(), np.abs(second[:, :441]).max()) > 0.02
    joint = np.concatenate([first[:, -100:], second[:, :100]], axis=1)
    steps = np.abs(np.diff(joint, axis=1))
    assert (steps[:, 99] <= np.delete(steps, 99, axis=1).max(axis=1)).all()
    whole = render(weather.cloudbase(), 44_100).T
    assert whole.shape[1] == first.shape[1] + second.shape[1]
    assert np.abs(np.concatenate([first, second], axis=1) - whole).max() < 1e-4


def test_the_same_music_every_time(files: dict[str, Path], tmp_path: Path) -> None:
    piece = hearth.barley_reel()
    first = render(piece, 22_050)
    assert first.tobytes() == render(hearth.barley_reel(), 22_050).tobytes()
    assert np.abs(first).max() <= CEILING * 1.0001
    again = write_release(tmp_path, release("Copper Sun"))
    assert again[0].read_bytes() == files["Copper Sun"].read_bytes()


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "Kestrel Array/Copper Sun"
    place.mkdir(parents=True)
    (place / "01 Copper Sun.m4a").write_bytes(b"half of a file")
    (place / ".01 Copper Sun.m4a.part").write_bytes(b"what an interrupted run has left")
    assert write_release(tmp_path, release("Copper Sun")) == [place / "01 Copper Sun.m4a"]
    assert [file.name for file in place.iterdir()] == ["01 Copper Sun.m4a"]
    assert mutagen.File(place / "01 Copper Sun.m4a").info.length > 20


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "whole.flac"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with replacing(target) as file:
            file.write_bytes(b"new, but not all of it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["whole.flac"]


def test_tempi_cover_the_range() -> None:
    tempi = [track.piece().tempo for release in RELEASES for track in release.tracks]
    assert (min(tempi), max(tempi)) == (60, 174)


def test_scores_read_as_they_sound() -> None:
    assert [(note.beat, note.beats, note.pitch) for note in line("A4:1.5 C#5:.5 - | Bb4")] == [
        (0, 1.5, 69),
        (1.5, 0.5, 73),
        (2.5, 0.5, 70),
    ]
    # From Dm7 to G7 the common tone stays and the others move by step.
    first, second = (voicing.pitches for voicing in voiced(chords("Dm7 G7"), 60, rooted=True))
    assert all(min(abs(tone - other) for other in first) <= 2 for tone in second)
    with pytest.raises(ValueError, match="neither a pitch nor a chord"):
        line("H4:1")
