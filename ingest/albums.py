"""Which of the files of one run make up which album. Pure: looks at paths and tags, opens nothing."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePath
from typing import TypeAlias, TypeVar

from domain.filenames import album_folder, natural_key
from domain.metadata import fold
from ingest.tags import Tags

VARIOUS_ARTISTS = "Various Artists"
_VARIOUS = frozenset({"various artists", "various", "va", "v.a.", "v/a", "v. a.", "diverse artists"})

# Guests come and go from track to track; the album is still the first artist's.
_GUESTS = re.compile(r"\s+[(\[]?(?:feat\.?|ft\.?|featuring)\s.*$", re.IGNORECASE)

File: TypeAlias = tuple[Path, Tags]
H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class AlbumPlan:
    """One album to publish. `tracks` are in disc, track, path order, and every one has a number.

    Two files may claim the same place; both stay, as tagged. `release_types` are the lower-case words of all its files.
    """

    title: str
    artist: str
    compilation: bool
    release_date: date | None
    upc: str | None
    genres: tuple[str, ...]
    release_types: tuple[str, ...]
    tracks: tuple[File, ...]


def resolve_albums(files: Sequence[File]) -> list[AlbumPlan]:
    """Groups files into albums by (album artist, album title), both folded; albums in the order of their first file.

    Without an album artist the files of one album title in one folder (the folders of a set's discs count as one)
    belong to the artist they share, else to "Various Artists". Without an album each file is a release of its own
    name.
    """
    loose: dict[tuple[PurePath, str, str], list[File]] = {}
    for path, tags in sorted(files, key=lambda file: natural_key(file[0])):
        # Two songs of one name that are on no album are not on one together.
        owner = "" if tags.album else fold(tags.artist)
        loose.setdefault((album_folder(path), fold(tags.album or tags.title), owner), []).append((path, tags))

    albums: dict[tuple[str, str], list[tuple[str, File]]] = {}
    for (_, title_key, _), members in loose.items():
        unclaimed_artist = _common_artist(members)
        for file in members:
            artist = _album_artist(file[1].album_artist) or unclaimed_artist
            albums.setdefault((fold(artist), title_key), []).append((artist, file))
    return [_plan(members) for members in albums.values()]


def _common_artist(members: Sequence[File]) -> str:
    """Whose album it is for those of its files that do not say: the artist most of them name, or that they share."""
    silent = [tags for _, tags in members if not tags.album_artist]
    told = [_album_artist(tags.album_artist) for _, tags in members if tags.album_artist]
    if len({fold(artist) for artist in told}) == 1 and len(told) >= len(silent):
        return told[0]
    leads = [_GUESTS.sub("", tags.artist) for tags in silent]
    shared = len({fold(lead) for lead in leads}) == 1
    return _most_common(leads)[0] if shared and not any(tags.compilation for tags in silent) else VARIOUS_ARTISTS


def _plan(members: Sequence[tuple[str, File]]) -> AlbumPlan:
    files = [file for _, file in members]
    artist = _most_common(artist for artist, _ in members)[0]
    tags = [file[1] for file in files]
    dates = _most_common(sorted(tag.release_date for tag in tags if tag.release_date))
    barcodes = _most_common(tag.upc for tag in tags if tag.upc)
    return AlbumPlan(
        title=_most_common(tag.album or tag.title for tag in tags)[0],
        artist=artist,
        compilation=artist == VARIOUS_ARTISTS or any(tag.compilation for tag in tags),
        release_date=dates[0] if dates else None,
        upc=barcodes[0] if barcodes else None,
        genres=_genres(tags),
        release_types=tuple(dict.fromkeys(word for tag in tags for word in tag.release_types)),
        tracks=_in_order(files),
    )


def _genres(tags: Sequence[Tags]) -> tuple[str, ...]:
    spelling: dict[str, str] = {}
    for tag in tags:
        for genre in tag.genres:
            spelling.setdefault(fold(genre), genre)
    return tuple(spelling[key] for key in _most_common(fold(genre) for tag in tags for genre in tag.genres))


def _in_order(files: Sequence[File]) -> tuple[File, ...]:
    """Disc, track, path. A file without a number comes after those of its disc that have one, in path order."""
    last: Counter[int] = Counter()
    for _, tags in files:
        last[tags.disc_number] = max(last[tags.disc_number], tags.track_number)
    numbered = []
    for path, tags in files:
        if not tags.track_number:
            last[tags.disc_number] += 1
            tags = replace(tags, track_number=last[tags.disc_number])
        numbered.append((path, tags))
    # The files come in path order, and sorting keeps it among equals.
    return tuple(sorted(numbered, key=lambda file: (file[1].disc_number, file[1].track_number)))


def _album_artist(name: str | None) -> str:
    return VARIOUS_ARTISTS if name and fold(name) in _VARIOUS else name or ""


def _most_common(values: Iterable[H]) -> list[H]:
    """Each value once, the most frequent first, equals in the order they came."""
    return [value for value, _ in Counter(values).most_common()]
