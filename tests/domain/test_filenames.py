"""What the names of files and folders tell."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.filenames import FileGuess, album_folder, natural_key, sort_out_filename
from domain.metadata import clean

names = st.text(st.characters(codec=None, exclude_characters="/"), max_size=30)
paths = st.lists(names, max_size=4).map("/".join).map(PurePosixPath)


@pytest.mark.parametrize(
    ("path", "artist", "album", "disc", "track", "title"),
    [
        ("01 - Title.mp3", None, None, None, 1, "Title"),
        ("01. Title.mp3", None, None, None, 1, "Title"),
        ("1. Title.mp3", None, None, None, 1, "Title"),
        ("[05] Title.mp3", None, None, None, 5, "Title"),
        ("12-Title.mp3", None, None, None, 12, "Title"),
        ("1-03 Title.mp3", None, None, 1, 3, "Title"),
        ("d2t03 Title.flac", None, None, 2, 3, "Title"),
        ("01_-_my_title.ogg", None, None, None, 1, "my title"),
        ("Track 07.wav", None, None, None, 7, "Track 07"),
        ("Artist - Title.mp3", "Artist", None, None, None, "Title"),
        ("Artist - 03 - Title.mp3", "Artist", None, None, 3, "Title"),
        ("Artist - 03 Title.mp3", "Artist", None, None, 3, "Title"),
        ("Artist - Album - 12 Title.flac", "Artist", "Album", None, 12, "Title"),
        ("Artist - Album - 03 - Title.flac", "Artist", "Album", None, 3, "Title"),
        ("01 - Artist - Title.mp3", "Artist", None, None, 1, "Title"),
        ("01 - Title - Live.mp3", None, None, None, 1, "Title - Live"),
        ("Artist/Album/01 Title.flac", "Artist", "Album", None, 1, "Title"),
        ("Artist/Album (1999) [FLAC]/01 Title.flac", "Artist", "Album", None, 1, "Title"),
        ("Artist/1999 - Album/01 Title.flac", "Artist", "Album", None, 1, "Title"),
        ("Artist - Album (1999)/Title.flac", "Artist", "Album", None, None, "Title"),
        ("Artist - 1999 - Album/01 Title.flac", "Artist", "Album", None, 1, "Title"),
        ("Artist/Album/CD1/01 Title.flac", "Artist", "Album", 1, 1, "Title"),
        ("Artist/Album/Disc 2/01 Title.flac", "Artist", "Album", 2, 1, "Title"),
        ("Artist/Album (Disc 2)/A1 - Title.flac", None, "Album", 2, None, "Title"),
        ("Various Artists/Hits/01 - Abba - Waterloo.mp3", "Abba", "Hits", None, 1, "Waterloo"),
        ("Prince/1999/01 1999.mp3", "Prince", "1999", None, 1, "1999"),
        ("99 Luftballons.mp3", None, None, None, None, "99 Luftballons"),
        ("7 Rings.mp3", None, None, None, None, "7 Rings"),
        ("1979.mp3", None, None, None, None, "1979"),
        ("24-7.mp3", None, None, None, None, "24-7"),
        ("1-800-273-8255.mp3", None, None, None, None, "1-800-273-8255"),
        ("/home/anna/Music/song.mp3", None, None, None, None, "song"),
        ("/tmp/mixtape/song.mp3", None, "mixtape", None, None, "song"),
        ("Bj\udcf6rk - J\udcf3ga.mp3", "Björk", None, None, None, "Jóga"),
        (".mp3", None, None, None, None, ".mp3"),
        ("", None, None, None, None, "Untitled"),
    ],
)
def test_guesses(
    path: str, artist: str | None, album: str | None, disc: int | None, track: int | None, title: str
) -> None:
    assert sort_out_filename(PurePosixPath(path)) == FileGuess(artist, album, disc, track, title)


@given(paths)
def test_any_path_gives_clean_text_and_a_title(path: PurePosixPath) -> None:
    guess = sort_out_filename(path)
    assert guess.title
    for text in (guess.artist, guess.album, guess.title):
        assert text is None or (text and clean(text) == text)
    assert guess.disc_number != 0
    assert guess.track_number != 0


def test_the_folders_of_a_set_are_one_album() -> None:
    assert album_folder(PurePosixPath("Artist/Album/CD1/01.flac")) == PurePosixPath("Artist/Album")
    assert album_folder(PurePosixPath("Artist/Album/Disc 2 - Live/01.flac")) == PurePosixPath("Artist/Album")
    assert album_folder(PurePosixPath("Artist/Disco 2000/01.flac")) == PurePosixPath("Artist/Disco 2000")


def test_natural_order() -> None:
    names = ["10.mp3", "b/1.mp3", "2.mp3", "B/02.mp3", "a.mp3", "A.mp3", "a 2.mp3", "B/10.mp3", "\udcff.mp3"]
    assert [str(path) for path in sorted(map(PurePosixPath, names), key=natural_key)] == [
        "2.mp3",
        "10.mp3",
        "A.mp3",
        "a.mp3",
        "a 2.mp3",
        "B/02.mp3",
        "B/10.mp3",
        "b/1.mp3",
        "\udcff.mp3",
    ]


@given(paths, paths)
def test_natural_order_parts_different_paths(one: PurePosixPath, other: PurePosixPath) -> None:
    assert (natural_key(one) == natural_key(other)) == (one == other)
    assert (natural_key(one) < natural_key(other)) != (natural_key(other) <= natural_key(one))
