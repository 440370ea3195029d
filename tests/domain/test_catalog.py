"""What kind of release a group of tracks is."""

import pytest

from domain.catalog import AlbumType, album_type

MINUTE = 60_000


@pytest.mark.parametrize(
    ("release_types", "compilation", "tracks", "minutes", "expected"),
    [
        ((), False, 1, 4, AlbumType.SINGLE),
        ((), False, 3, 29, AlbumType.SINGLE),
        ((), False, 1, 12, AlbumType.EP),
        ((), False, 1, 40, AlbumType.ALBUM),
        ((), False, 3, 30, AlbumType.ALBUM),
        ((), False, 4, 16, AlbumType.EP),
        ((), False, 6, 29, AlbumType.EP),
        ((), False, 6, 30, AlbumType.ALBUM),
        ((), False, 7, 20, AlbumType.ALBUM),
        ((), True, 2, 8, AlbumType.COMPILATION),
        (("ep",), True, 12, 50, AlbumType.EP),
        (("single", "live"), False, 12, 50, AlbumType.SINGLE),
        (("album", "compilation"), False, 2, 8, AlbumType.COMPILATION),
        (("album", "soundtrack"), True, 2, 8, AlbumType.ALBUM),
        (("broadcast",), False, 2, 8, AlbumType.SINGLE),
    ],
)
def test_types(
    release_types: tuple[str, ...], compilation: bool, tracks: int, minutes: int, expected: AlbumType
) -> None:
    assert album_type(release_types, compilation, tracks, minutes * MINUTE) is expected


def test_a_single_with_one_long_piece_is_an_ep() -> None:
    assert album_type((), False, 3, 20 * MINUTE, longest_track_ms=9 * MINUTE) is AlbumType.SINGLE
    assert album_type((), False, 3, 20 * MINUTE, longest_track_ms=10 * MINUTE) is AlbumType.EP
