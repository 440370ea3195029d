"""One vocabulary for the tags of every container: ID3, Vorbis comments, MP4 atoms, APEv2 and RIFF INFO.

Each function takes what mutagen parsed (or the bytes it does not) and returns `RawTags`: values as written, under
lower-case names as Vorbis comments and Picard use them.
"""

import base64
import binascii
import contextlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from mutagen.flac import Picture

FRONT_COVER = 3  # ID3v2 "APIC" picture type, which FLAC took over

_ID3_FRAMES = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TPE2": "albumartist",
    "TCMP": "compilation",
    "TPOS": "discnumber",
    "TRCK": "tracknumber",
    "TDRL": "releasedate",
    "TDRC": "date",
    "TDOR": "originaldate",
    "TSRC": "isrc",
}
_MP4_ATOMS = {
    "©nam": "title",
    "©ART": "artist",
    "©alb": "album",
    "aART": "albumartist",
    "©day": "date",
    "©gen": "genre",
}
_RIFF_INFO = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ICRD": "date",
    b"IGNR": "genre",
    b"ITRK": "tracknumber",
    b"IPRT": "tracknumber",
    b"ISRC": "source",  # "source", not the recording code
}
# Where containers and taggers disagree with Picard's names.
_SYNONYMS = {
    "album artist": "albumartist",
    "album_artist": "albumartist",
    "track": "tracknumber",
    "disc": "discnumber",
    "disk": "discnumber",
    "year": "date",
    "originalyear": "originaldate",
    "upc": "barcode",
    "ean": "barcode",
    "ean/upn": "barcode",
    "musicbrainz_albumtype": "releasetype",
    "musicbrainz album type": "releasetype",
    "musicbrainz/album type": "releasetype",
    "itunesadvisory": "explicit",
}


_parse_picture: Callable[[bytes], Any] = Picture


@dataclass(slots=True)
class RawTags:
    """Values by name, and pictures with their ID3 type, each in the order of the file."""

    values: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, name: str, values: Iterable[str]) -> None:
        name = name.lower()
        self.values.setdefault(_SYNONYMS.get(name, name), []).extend(value for value in values if value.strip("\0 "))

    def add_picture(self, kind: int, data: bytes) -> None:
        if data:
            self.pictures.append((kind, data))

    def fill(self, other: "RawTags") -> None:
        """Takes from `other` what is missing here."""
        for name, values in other.values.items():
            if not self.values.get(name):
                self.values[name] = values
        self.pictures = self.pictures or other.pictures

    def front_cover(self) -> bytes | None:
        fronts = [data for kind, data in self.pictures if kind == FRONT_COVER]
        return next(iter(fronts or [data for _, data in self.pictures]), None)


def from_id3(tags: Any) -> RawTags:
    """`tags` is mutagen's ID3, which has already brought v1, v2.2 and v2.3 frames to their v2.4 names; or None."""
    raw = RawTags()
    for frame in (tags or {}).values():
        identifier = frame.FrameID
        if identifier == "APIC":
            if frame.mime != "-->":  # which would be an address in place of a picture
                raw.add_picture(int(frame.type), frame.data)
        elif identifier == "TCON":
            raw.add("genre", frame.genres)
        elif identifier in _ID3_FRAMES:
            raw.add(_ID3_FRAMES[identifier], _id3_text(frame))
        elif identifier == "TXXX":
            raw.add(frame.desc, _id3_text(frame))
    return raw


def from_vorbis(comments: Any, pictures: Iterable[Any] = ()) -> RawTags:
    """`comments` are (name, value) pairs; `pictures` are FLAC's own blocks, which Ogg carries as base64 comments."""
    raw = RawTags()
    for picture in pictures:
        raw.add_picture(picture.type, picture.data)
    for name, value in comments or ():
        # A damaged picture is no picture; mutagen's parser raises whatever struct and codecs do.
        if name.lower() == "metadata_block_picture":
            with contextlib.suppress(Exception):
                picture = _parse_picture(base64.b64decode(value))
                raw.add_picture(picture.type, picture.data)
        elif name.lower() == "coverart":
            with contextlib.suppress(binascii.Error, ValueError):
                raw.add_picture(FRONT_COVER, base64.b64decode(value))
        else:
            raw.add(name, [value])
    return raw


def from_mp4(atoms: Any) -> RawTags:
    raw = RawTags()
    for name, value in (atoms or {}).items():
        if name in _MP4_ATOMS:
            raw.add(_MP4_ATOMS[name], value)
        elif name == "trkn":
            raw.add("tracknumber", [str(number) for number, _ in value])
        elif name == "disk":
            raw.add("discnumber", [str(number) for number, _ in value])
        elif name == "cpil":
            raw.add("compilation", ["1" if value else "0"])
        elif name == "rtng":
            # iTunes: 1 and the older 4 are explicit, 2 is the clean version, 0 neither.
            raw.add("explicit", ["1" if value[0] in (1, 4) else "0"])
        elif name == "covr":
            for picture in value:
                raw.add_picture(FRONT_COVER, bytes(picture))
        elif name.startswith("----:"):
            raw.add(name.rpartition(":")[2], [bytes(part).decode("utf-8", "replace") for part in value])
    return raw


def from_ape(tags: Any) -> RawTags:
    raw = RawTags()
    for name, value in tags.items():
        if name.lower().startswith("cover art"):
            # A file name, a NUL, and the picture.
            kind = FRONT_COVER if "front" in name.lower() else 0
            raw.add_picture(kind, bytes(value.value).partition(b"\0")[2])
        elif isinstance(value.value, str):
            raw.add(name, value.value.split("\0"))
    return raw


def from_riff_info(file: BinaryIO) -> RawTags:
    """The INFO list of a WAV file, which mutagen passes over. Microsoft's "Multimedia Programming Interface", 1991."""
    raw = RawTags()
    file.seek(12)
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        after = file.tell() + size + size % 2
        if name == b"LIST" and file.read(4) == b"INFO":
            while file.tell() + 8 <= after and len(header := file.read(8)) == 8:
                name, size = struct.unpack("<4sI", header)
                value = file.read(min(size + size % 2, after - file.tell()))[:size]
                if name in _RIFF_INFO:
                    raw.add(_RIFF_INFO[name], [_legible(value.split(b"\0")[0])])
        file.seek(after)
    return raw


def _id3_text(frame: Any) -> list[str]:
    texts = [str(text) for text in frame.text]
    # Frames marked Latin-1 were written by Windows: its quotes and dashes sit where Latin-1 has control characters.
    return [_legible(text.encode("latin-1", "replace")) if _is_windows(frame, text) else text for text in texts]


def _is_windows(frame: Any, text: str) -> bool:
    return frame.encoding == 0 and any("\x80" <= character <= "\x9f" for character in text)


def _legible(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")
