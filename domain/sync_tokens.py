"""Sync tokens: opaque positions in one library's history.

A token is the position and a signature made with the library's own key, so that another library's token, or an
invented one, is refused. The same position of the same library always gives the same token.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple, NewType
from uuid import UUID

from domain.errors import BadInput

SyncToken = NewType("SyncToken", str)
POSITION_BYTES = 8
SIGNATURE_BYTES = 8
"""Guessing one takes 2⁶³ tries, each a request; and all it gains is a look at one's own history."""


class Unverified(NamedTuple):
    """A token as it came: its position is worth nothing before `verified`."""

    position: int
    signature: bytes

    def verified(self, key: UUID) -> int:
        """The position. Raises BadInput when the library of `key` never gave this token."""
        if not hmac.compare_digest(self.signature, sign(self.position, key)):
            raise unknown()
        return self.position


def encode_token(position: int, key: UUID) -> SyncToken:
    signed = position.to_bytes(POSITION_BYTES, "big") + sign(position, key)
    return SyncToken(urlsafe_b64encode(signed).decode().rstrip("="))


def decode_token(text: str) -> Unverified:
    """Raises BadInput for what does not look like a token."""
    try:
        signed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise unknown() from None
    if len(signed) != POSITION_BYTES + SIGNATURE_BYTES or urlsafe_b64encode(signed).decode().rstrip("=") != text:
        raise unknown()
    position = int.from_bytes(signed[:POSITION_BYTES], "big")
    if position >= 2**63:
        raise unknown()
    return Unverified(position, signed[POSITION_BYTES:])


def sign(position: int, key: UUID) -> bytes:
    return hmac.digest(key.bytes, position.to_bytes(POSITION_BYTES, "big"), "sha256")[:SIGNATURE_BYTES]


def unknown() -> BadInput:
    return BadInput(
        "This is not a sync token of your library. Pass one that `library` or a delta gave to the same listener, "
        "or reload through `library { syncToken items }`."
    )
