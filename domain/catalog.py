"""What kind of release a group of tracks is."""

from collections.abc import Collection
from enum import Enum

# The lines that the large services draw between the kinds when a label does not say
# (Apple Music style guide, "Singles and EPs"; Spotify draws the same ones).
SINGLE_TRACKS = 3
EP_TRACKS = 6
SHORT_RELEASE_MS = 30 * 60_000
LONG_TRACK_MS = 10 * 60_000


class AlbumType(Enum):
    ALBUM = "ALBUM"
    EP = "EP"
    SINGLE = "SINGLE"
    COMPILATION = "COMPILATION"


# The most telling one first: MusicBrainz calls a collection both "album" and "compilation".
TAGGED = {
    "compilation": AlbumType.COMPILATION,
    "single": AlbumType.SINGLE,
    "ep": AlbumType.EP,
    "album": AlbumType.ALBUM,
}


def album_type(
    release_types: Collection[str],
    compilation: bool,
    track_count: int,
    duration_ms: int,
    longest_track_ms: int = 0,
) -> AlbumType:
    """The kind of a release: what its tags say, else what its length says.

    `release_types` are lower-case; `duration_ms` is the whole release. `longest_track_ms` tells a three-track single
    from an EP with one long piece; without it only a release of one track can be told.
    """
    for name, kind in TAGGED.items():
        if name in release_types:
            return kind
    if compilation:
        return AlbumType.COMPILATION
    if duration_ms >= SHORT_RELEASE_MS or track_count > EP_TRACKS:
        return AlbumType.ALBUM
    if track_count > SINGLE_TRACKS:
        return AlbumType.EP
    longest = duration_ms if track_count == 1 else longest_track_ms
    return AlbumType.SINGLE if longest < LONG_TRACK_MS else AlbumType.EP
