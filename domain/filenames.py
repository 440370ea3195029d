"""What the names of files and folders tell about a recording whose tags do not."""

import re
from dataclasses import dataclass
from pathlib import PurePath

from domain.metadata import clean, fold, parse_number

# Folders that say where files are kept, not what they are.
_PLACE_NAMES = (
    "audio;compilations;desktop;documents;downloads;files;flac;home;incoming;itunes;itunes media;lossless;media;"
    "mnt;mp3;music;my music;opt;opus;ogg;root;share;shared;songs;srv;tmp;tracks;unsorted;usr;va;var;various;"
    "various artists;volumes;wav"
)
_PLACES = frozenset(_PLACE_NAMES.split(";"))

# A bare number is a track's up to here; beyond, it more often begins a title: "99 Luftballons", "50 Ways to …".
_BARE_NUMBER_LIMIT = 40

_DASH = re.compile(r"\s+[-–—]+\s+")
_ENDING = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,5}$")

# How a track number may begin a file's name: "1-03 Title" and "d1t03 Title"; "03. Title", "[03] Title" and "3-Title";
# "03 Title"; "Track 03" alone.
_DISC_AND_TRACK = re.compile(
    r"(?:cd|disc|d)?\s?(0?\d)(?:-|(?<=d\d)t)(\d{2,3})(?:\s*[.)–—-](?!\d)\s*|\s+)(?=\S)", re.IGNORECASE
)
_MARKED_TRACK = re.compile(r"(?:[\[(](\d{2})[\])][\s.–—-]*|#?(\d{1,3})(?:\s*[.)–—-](?!\d)\s*|\s+[–—-]\s+))(?=\S)")
_BARE_TRACK = re.compile(r"(0\d{1,2}|\d{2})\s+(?=\S)")
_ONLY_TRACK = re.compile(r"(?:audio)?track[ .-]?(\d{1,3})(?:\.cdda)?", re.IGNORECASE)
_VINYL_SIDE = re.compile(r"[A-H]{1,2}\d{1,2}(?:\.\s*|\s+[-–—]\s+)(?=\S)")
# "Artist - 03 Title" and "Artist - Album - 12 Title": the number has no dash of its own.
_INNER_TRACK = re.compile(r"^(.+?\s[-–—]\s+0\d|.+?\s[-–—]\s+.+?\s[-–—]\s+\d{2})(?:\.\s*|\s+)(?=[^\s–—-])")

_DISC_FOLDER = re.compile(r"(?:cd|dis[ck]|dvd)[ _.-]*(\d{1,2})\b.*", re.IGNORECASE)
_DISC_AFTER = re.compile(r"[\s,–-]*[\[(]?\b(?:cd|dis[ck])[ _.-]*(\d{1,2})[\])]?$", re.IGNORECASE)
_YEAR_BEFORE = re.compile(r"(?:[\[(](?:18|19|20)\d\d[\])]\s*[–—-]?|(?:18|19|20)\d\d\s*[.–—-])\s*(?=\S)")
_BRACKETS_AFTER = re.compile(
    r"\s*[\[({](?:(?:18|19|20)\d\d|"
    r"(?=[^\])}]*\b(?:flac|mp3|ogg|opus|aac|alac|wav|web|cd|vinyl|v0|v2|\d+ ?kbps)\b)[^\])}]*)[\])}]$",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"\b(?:live|remaster(?:ed)?|re?mix|edit|version|demo|acoustic|instrumental|bonus|mono|stereo|reprise|part|pt|"
    r"edition|deluxe|expanded|anniversary)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FileGuess:
    """What a path tells. `title` is never empty; whatever else it does not tell is None."""

    artist: str | None
    album: str | None
    disc_number: int | None
    track_number: int | None
    title: str


def sort_out_filename(path: PurePath) -> FileGuess:
    """Reads "Artist/Album (1999)/CD1/03 - Title.flac" and its many variations.

    What the file's own name says goes before what its folders say. The folder above the album's names the artist only
    of a numbered file: a lone recording may lie anywhere.
    """
    disc, track, rest = _take_number(_legible(_ENDING.sub("", path.name)))
    artist, album, inner_track, title = _take_title(rest)
    track = track or inner_track
    folders = [name for part in path.parent.parts if part not in (path.anchor, "..") and (name := _legible(part))]
    if folders and (found := _DISC_FOLDER.fullmatch(folders[-1])):
        disc = disc or parse_number(found[1])
        folders.pop()
    folder_artist, folder_album, folder_disc = _take_folders(folders, numbered=track is not None)
    return FileGuess(
        artist=artist or folder_artist,
        album=album or folder_album,
        disc_number=disc or folder_disc,
        track_number=track,
        title=title or _legible(path.name) or "Untitled",
    )


def album_folder(path: PurePath) -> PurePath:
    """The folder that holds the whole album of a file: above "CD1" and "Disc 2", which hold parts of it."""
    folder = path.parent
    return folder.parent if _DISC_FOLDER.fullmatch(_legible(folder.name)) else folder


def natural_key(path: PurePath) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Sorts paths as a person would: folder by folder, "2" before "10", capitals beside small letters."""
    # Without its ending, or "Song 2.ogg" would come before "Song.ogg".
    return (*map(_natural, path.parent.parts), _natural(path.stem), _natural(path.suffix))


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    # Pieces compare as (is text, number, text). The name itself comes last and parts "a" from "A" and "1" from "01".
    pieces = re.split(r"([0-9]{1,18})", name.casefold())
    return (
        *((1, 0, piece) if place % 2 == 0 else (0, int(piece), "") for place, piece in enumerate(pieces)),
        (-1, 0, name),
    )


def _legible(name: str) -> str:
    """A file's name as clean text. Bytes that are no UTF-8 are read as Windows Latin, which wrote most of them."""
    try:
        name = name.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeEncodeError:
        pass  # half a surrogate pair that no file system gave; `clean` replaces it
    except UnicodeDecodeError:
        name = name.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return clean(name if " " in name else name.replace("_", " "))


def _take_number(name: str) -> tuple[int | None, int | None, str]:
    """Disc and track number from the beginning of a file's name, and the rest of it."""
    if found := _DISC_AND_TRACK.match(name):
        return parse_number(found[1]), parse_number(found[2]), name[found.end() :]
    if found := _MARKED_TRACK.match(name):
        return None, parse_number(found[1] or found[2]), name[found.end() :]
    if (found := _BARE_TRACK.match(name)) and int(found[1]) <= _BARE_NUMBER_LIMIT:
        return None, parse_number(found[1]), name[found.end() :]
    if found := _ONLY_TRACK.fullmatch(name):
        return None, parse_number(found[1]), name
    if found := _VINYL_SIDE.match(name):
        # B1 comes after A6: the names' order tells more than the number, which is left out so that it is followed.
        return None, None, name[found.end() :]
    return None, None, name


def _take_title(name: str) -> tuple[str | None, str | None, int | None, str]:
    """Artist, album, track number and title from "Artist - Album - 03 - Title" and shorter forms."""
    parts = [part for part in _DASH.split(_INNER_TRACK.sub(r"\1 - ", name)) if part]
    for place in (1, 2):
        if len(parts) > place + 1 and re.fullmatch(r"[0-9]{1,3}", parts[place]):
            album = parts[1] if place == 2 else None
            return parts[0], album, parse_number(parts[place]), " - ".join(parts[place + 1 :])
    if len(parts) < 2 or parts[1].isdecimal() or (len(parts) == 2 and _VERSION.search(parts[1])):
        return None, None, None, name
    return parts[0], None, None, " - ".join(parts[1:])


def _take_folders(folders: list[str], *, numbered: bool) -> tuple[str | None, str | None, int | None]:
    """Artist, album and disc number from the folders, the innermost last."""
    above = folders[-2] if len(folders) > 1 and fold(folders[-2]) not in _PLACES else None
    if not folders or fold(folders[-1]) in _PLACES:
        return None, None, None
    name, disc = folders[-1], None
    if found := _DISC_AFTER.search(name):
        name, disc = name[: found.start()], parse_number(found[1])
    while found := _BRACKETS_AFTER.search(name):
        name = name[: found.start()]
    name = _YEAR_BEFORE.sub("", name, count=1) if _YEAR_BEFORE.match(name) else name
    artist, *rest = [part for part in _DASH.split(name) if part] or [name]
    rest = [part for part in rest if not re.fullmatch(r"(?:18|19|20)\d\d", part)]
    if rest and not _VERSION.search(rest[0]):
        return artist, " - ".join(rest), disc
    return above if numbered else None, name or folders[-1], disc
