"""What a library holds."""

from enum import Enum


class LibraryItemType(Enum):
    TRACK = "TRACK"
    ALBUM = "ALBUM"
    PLAYLIST = "PLAYLIST"
    ARTIST = "ARTIST"


class LibraryOrder(Enum):
    RECENTLY_ADDED = "RECENTLY_ADDED"
    TITLE = "TITLE"


class ChangeType(Enum):
    ADD = "ADD"
    REMOVE = "REMOVE"
    UPDATE = "UPDATE"


class Visibility(Enum):
    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"
