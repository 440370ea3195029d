"""Password hashes: argon2id, in argon2-cffi's defaults (RFC 9106's second choice: 64 MiB, 3 passes, 4 lanes).

These take some 50 ms of a core each. Call them off the event loop.
"""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


@cache
def nobodys_hash() -> str:
    """What to verify against when the name is unknown, so that it takes as long as a wrong password."""
    return _HASHER.hash("no listener has this password")


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def is_password(password: str, hashed: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
