"""Who listens: tiers, roles and what they permit, and what a name and a password must look like."""

import re
import unicodedata
from enum import Enum

from domain.errors import BadInput


class SubscriptionTier(Enum):
    FREE = "FREE"
    VOICE = "VOICE"
    INDIVIDUAL = "INDIVIDUAL"
    PREMIUM = "PREMIUM"


class Role(Enum):
    USER = "USER"
    PREMIUM_USER = "PREMIUM_USER"
    CURATOR = "CURATOR"
    ADMIN = "ADMIN"


class Permission(Enum):
    CATALOG_READ = "catalog:read"
    LIBRARY_OWN = "library:own"
    STREAM_BASIC = "stream:basic"
    STREAM_LOSSLESS = "stream:lossless"
    STREAM_DOWNLOAD = "stream:download"
    PLAYLIST_PUBLIC = "playlist:public"
    ACCOUNTS_MANAGE = "accounts:manage"


_USER = frozenset({Permission.CATALOG_READ, Permission.LIBRARY_OWN, Permission.STREAM_BASIC})
_PREMIUM_USER = _USER | {Permission.STREAM_LOSSLESS, Permission.STREAM_DOWNLOAD}
_CURATOR = _PREMIUM_USER | {Permission.PLAYLIST_PUBLIC}

PERMISSIONS = {
    Role.USER: _USER,
    Role.PREMIUM_USER: _PREMIUM_USER,
    Role.CURATOR: _CURATOR,
    Role.ADMIN: frozenset(Permission),
}
"""Each role has what the one before it has, and more."""


def role_for_tier(role: Role, tier: SubscriptionTier) -> Role:
    """The role after a move to `tier`: the two upper tiers make a USER a PREMIUM_USER, the others take it back."""
    if tier in (SubscriptionTier.INDIVIDUAL, SubscriptionTier.PREMIUM):
        return Role.PREMIUM_USER if role is Role.USER else role
    return Role.USER if role is Role.PREMIUM_USER else role


INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What passes for printable and shows nothing: fillers, joiners, variation selectors, the blank Braille pattern."""

USERNAME_LENGTH = range(2, 65)
PASSWORD_LENGTH = range(8, 1025)
"""Eight at least, as NIST SP 800-63B asks; a thousand at most, so that hashing one stays cheap."""
DISPLAY_NAME_LIMIT = 100


def username_key(username: str) -> str:
    """What usernames are compared by: case, width and composition make no difference."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold()).strip()


def check_username(username: str) -> str:
    """The username as it is shown. Raises BadInput."""
    shown = unicodedata.normalize("NFC", username).strip()
    if len(shown) not in USERNAME_LENGTH or not shown.isprintable() or "\ufffd" in shown or not username_key(shown):
        raise BadInput(f"A username has {USERNAME_LENGTH[0]} to {USERNAME_LENGTH[-1]} printable characters.")
    if INVISIBLE.search(shown):
        raise BadInput("A username has no characters that cannot be seen.")
    if mixes_alphabets(unicodedata.normalize("NFKC", shown)):
        raise BadInput("A username keeps to one alphabet: letters of another one that look alike would fool readers.")
    return shown


def check_password(password: str) -> str:
    """The password. Raises BadInput, without repeating it."""
    if len(password) not in PASSWORD_LENGTH or not is_storable(password):
        raise BadInput(f"A password has {PASSWORD_LENGTH[0]} to {PASSWORD_LENGTH[-1]} characters.")
    return password


def check_display_name(name: str) -> str:
    """The name that others see. Raises BadInput."""
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(shown) <= DISPLAY_NAME_LIMIT or not shown.isprintable():
        raise BadInput(f"A display name has 1 to {DISPLAY_NAME_LIMIT} printable characters.")
    return shown


def is_storable(text: str) -> bool:
    """Whether a store can hold the text: JSON may carry NUL, and halves of surrogate pairs, which are no characters."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
"""Alphabets whose letters look like one another's."""


def mixes_alphabets(name: str) -> bool:
    """Whether letters of more than one of the look-alike alphabets are in the name: "аnna" with a Cyrillic а."""
    used = {unicodedata.name(letter, "").partition(" ")[0] for letter in name if letter.isalpha()}
    return len(used & set(ALPHABETS)) > 1
