"""What an audio file says about itself, completed by its name where it says nothing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from domain.filenames import sort_out_filename
from domain.genres import split_genres
from domain.metadata import clean, parse_barcode, parse_date, parse_isrc, parse_number
from ingest import tag_formats
from ingest.tag_formats import RawTags

UNKNOWN_ARTIST = "Unknown Artist"

_OGG_CODECS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x01vorbis": OggVorbis,
    b"OpusHead": OggOpus,
    b"\x7fFLAC": OggFLAC,
    b"Speex   ": OggSpeex,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tags:
    """One recording as its file tells it. Texts are clean; `title` and `artist` are never empty."""

    title: str
    artist: str
    album: str | None = None
    """From the tag, else from the folder: `has_album_tag` says which."""
    album_artist: str | None = None
    compilation: bool = False
    disc_number: int = 1
    track_number: int = 0
    """0 where neither tag nor file name tells one; `resolve_albums` then numbers by the order of the names."""
    release_date: date | None = None
    genres: tuple[str, ...] = ()
    isrc: str | None = None
    upc: str | None = None
    explicit: bool = False
    release_types: tuple[str, ...] = ()
    """MusicBrainz' words in lower case: "album", "ep", "live" …"""
    picture: bytes | None = None
    """The front cover as it is embedded, else the first picture. It may be broken."""
    has_album_tag: bool = False


def read_tags(path: Path, *, picture: bool = True) -> Tags:
    """The tags of an audio file, whatever its ending, completed by `sort_out_filename`.

    Broken tags count as missing ones. `picture=False` leaves the picture out: the pictures of a whole collection do
    not fit in memory. Raises OSError if the file cannot be opened.
    """
    with path.open("rb") as file:
        raw = _read_raw(file)
    guess = sort_out_filename(path)
    values = raw.values
    album = _text(values, "album")
    return Tags(
        title=_text(values, "title") or guess.title,
        artist=_text(values, "artist") or _text(values, "albumartist") or guess.artist or UNKNOWN_ARTIST,
        album=album or guess.album,
        album_artist=_text(values, "albumartist"),
        compilation=_flag(values, "compilation"),
        disc_number=_first(values, parse_number, "discnumber") or guess.disc_number or 1,
        track_number=_first(values, parse_number, "tracknumber") or guess.track_number or 0,
        release_date=_first(values, parse_date, "releasedate", "date", "originaldate"),
        genres=split_genres(values.get("genre", ())),
        isrc=_first(values, parse_isrc, "isrc"),
        upc=_first(values, parse_barcode, "barcode"),
        explicit=_flag(values, "explicit"),
        release_types=_release_types(values),
        picture=raw.front_cover() if picture else None,
        has_album_tag=album is not None,
    )


def _read_raw(file: BinaryIO) -> RawTags:
    """Every tag in the file, by what its first bytes are rather than by its name. A broken tag gives nothing."""
    header = file.read(128)
    raw = RawTags()
    for read in _readers(header):
        file.seek(0)
        # Whatever a damaged tag makes its parser raise, the recording beside it is still good.
        try:
            raw.fill(read(file))
        except Exception:
            continue
    return raw


def _readers(header: bytes) -> list[Callable[[BinaryIO], RawTags]]:
    if header.startswith(b"OggS"):
        codec = next((codec for mark, codec in _OGG_CODECS.items() if mark in header), OggVorbis)
        return [lambda file: tag_formats.from_vorbis(_open(codec, file).tags)]
    if header[4:8] == b"ftyp":
        return [lambda file: tag_formats.from_mp4(_open(MP4, file).tags)]
    if header.startswith((b"RIFF", b"RF64")):
        return [lambda file: tag_formats.from_id3(_open(WAVE, file).tags), tag_formats.from_riff_info]
    if header.startswith(b"FORM"):
        return [lambda file: tag_formats.from_id3(_open(AIFF, file).tags)]
    # MP3 and raw AAC begin with anything; a FLAC file may, against its rules, begin with an ID3 tag.
    return [
        _read_flac,
        lambda file: tag_formats.from_id3(_open(ID3, file)),
        lambda file: tag_formats.from_ape(_open(APEv2, file)),
    ]


def _read_flac(file: BinaryIO) -> RawTags:
    flac = _open(FLAC, file)
    return tag_formats.from_vorbis(flac.tags, flac.pictures)


def _open(container: Callable[[BinaryIO], Any], file: BinaryIO) -> Any:
    """mutagen has no types of its own: this is where it becomes Any."""
    return container(file)


def _text(values: dict[str, list[str]], name: str) -> str | None:
    return next((text for value in values.get(name, ()) if (text := clean(value.split("\0")[0]))), None)


def _first(values: dict[str, list[str]], parse: Callable[[str], T | None], *names: str) -> T | None:
    """The first value under any of `names` that means something; one value may hold several ("A; B")."""
    for name in names:
        for value in values.get(name, ()):
            for piece in re.split(r"[;\0]", value):
                if (parsed := parse(piece)) is not None:
                    return parsed
    return None


def _flag(values: dict[str, list[str]], name: str) -> bool:
    return any(value.strip().lower() in ("1", "true", "yes") for value in values.get(name, ()))


def _release_types(values: dict[str, list[str]]) -> tuple[str, ...]:
    words = (clean(word).lower() for value in values.get("releasetype", ()) for word in re.split(r"[;/,|\0+]", value))
    return tuple(dict.fromkeys(word for word in words if word))
