"""Where a cover is found, and what is known of it."""

import hashlib
from pathlib import Path

import pytest

from ingest.artwork import Artwork, find_artwork, read_artwork
from ingest.tags import Tags
from tests.fixtures.tagged import image

RED, BLUE = image("red"), image("blue")
BARE = Tags("Title", "Artist")


def test_the_embedded_picture_goes_first(tmp_path: Path) -> None:
    (tmp_path / "cover.png").write_bytes(BLUE)
    assert find_artwork(tmp_path / "1.mp3", Tags("Title", "Artist", picture=RED)) == RED


def test_a_picture_that_is_none_gives_way(tmp_path: Path) -> None:
    (tmp_path / "cover.jpg").write_bytes(b"<html>not found</html>")
    (tmp_path / "folder.png").write_bytes(BLUE)
    assert find_artwork(tmp_path / "1.mp3", Tags("Title", "Artist", picture=b"broken")) == BLUE


@pytest.mark.parametrize("name", ["cover.jpg", "Folder.JPEG", "FRONT.png", "album.webp", "AlbumArt.jpg"])
def test_pictures_beside_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(RED)
    (tmp_path / "holiday.jpg").write_bytes(BLUE)
    assert find_artwork(tmp_path / "1.mp3", BARE) == RED


def test_the_more_telling_name_wins(tmp_path: Path) -> None:
    (tmp_path / "album.jpg").write_bytes(BLUE)
    (tmp_path / "Cover.png").write_bytes(RED)
    assert find_artwork(tmp_path / "1.mp3", BARE) == RED


def test_only_the_folder_of_a_disc_looks_above_itself(tmp_path: Path) -> None:
    (tmp_path / "cover.png").write_bytes(RED)
    for name in ("Disc 2", "Other album"):
        (tmp_path / name).mkdir()
    assert find_artwork(tmp_path / "Disc 2" / "1.mp3", BARE) == RED
    assert find_artwork(tmp_path / "Other album" / "1.mp3", BARE) is None


def test_a_folder_that_is_gone_has_no_pictures(tmp_path: Path) -> None:
    assert find_artwork(tmp_path / "gone" / "1.mp3", BARE) is None


def test_pictures_of_more_than_thirty_megabytes_are_refused(tmp_path: Path) -> None:
    huge = RED + bytes(30 * 1024 * 1024)
    (tmp_path / "cover.png").write_bytes(huge)
    assert find_artwork(tmp_path / "1.mp3", Tags("Title", "Artist", picture=huge)) is None
    assert read_artwork(huge) is None


def test_what_is_known_of_a_cover() -> None:
    assert read_artwork(RED) == Artwork(
        key=hashlib.sha256(RED).hexdigest(),
        content_type="image/png",
        extension="png",
        width=8,
        height=8,
        dominant_color="#ff0000",
        data=RED,
    )


@pytest.mark.parametrize("data", [b"", b"not a picture", RED[:-30]])
def test_what_does_not_decode_is_no_artwork(data: bytes) -> None:
    assert read_artwork(data) is None
