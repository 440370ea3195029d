"""Password hashes: argon2id. Hashing takes some 50 ms of a core: call these off the event loop."""

from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.accounts import is_storable


class Passwords:
    """Hashes with the parameters it was made with; recognises hashes with any."""

    def __init__(self, *, passes: int, memory_kib: int, lanes: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, password: str, hashed: str | None) -> bool:
        """Whether it is the password; without a hash to compare it with, it is not, and takes as long."""
        if not is_storable(password):
            return False
        try:
            return self._hasher.verify(hashed or self._nobodys_hash, password) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other parameters than ours."""
        return self._hasher.check_needs_rehash(hashed)

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._hasher.hash("no listener has this password")
