"""The cover of a recording: embedded in the file, or lying beside it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasources import pictures
from domain.filenames import album_folder
from ingest.tags import Tags

# What people and rippers call a front cover, the most telling name first.
_NAMES = ("cover", "folder", "front", "album", "albumart")
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_COVER_NAMES = tuple(name + ending for name in _NAMES for ending in _ENDINGS)

# A scan of a whole sleeve at 1200 dpi has some 25 MB; what is larger is no cover.
SIZE_LIMIT = 30 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Artwork:
    """A cover that is known to decode. `key` is the SHA-256 of `data`, which is the original, byte for byte."""

    key: str
    content_type: str
    extension: str
    width: int
    height: int
    dominant_color: str
    data: bytes


def find_artwork(path: Path, tags: Tags) -> bytes | None:
    """The first picture that looks like one: in the tags, in the file's folder, above a disc's folder. Never raises."""
    return next((data for data in _candidates(path, tags) if pictures.is_picture(data)), None)


def read_artwork(data: bytes) -> Artwork | None:
    """Measures a picture; None if it is broken, of an unknown kind or too large to decode."""
    if len(data) > SIZE_LIMIT:
        return None
    try:
        picture = pictures.measure(data)
    except pictures.PictureUnreadable:
        return None
    return Artwork(
        key=hashlib.sha256(data).hexdigest(),
        content_type=picture.content_type,
        extension=picture.extension,
        width=picture.width,
        height=picture.height,
        dominant_color=picture.dominant_color,
        data=data,
    )


def _candidates(path: Path, tags: Tags) -> Iterator[bytes]:
    if tags.picture and len(tags.picture) <= SIZE_LIMIT:
        yield tags.picture
    for folder in dict.fromkeys((path.parent, Path(album_folder(path)))):
        for file in _images(folder):
            try:
                if file.is_file() and file.stat().st_size <= SIZE_LIMIT:
                    yield file.read_bytes()
            except OSError:
                continue


def _images(folder: Path) -> list[Path]:
    """The cover files in a folder, the best name first."""
    try:
        covers = [file for file in folder.iterdir() if file.name.lower() in _COVER_NAMES]
    except OSError:
        return []
    return sorted(covers, key=lambda file: (_COVER_NAMES.index(file.name.lower()), file.name))
