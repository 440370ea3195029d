"""Entity ids: a UUID in its usual text form, everywhere."""

import time
from secrets import randbits
from uuid import UUID

from domain.errors import BadInput


def parse_id(text: str) -> UUID:
    """The UUID that `text` spells in the usual form. Raises BadInput."""
    try:
        parsed = UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text.lower():
        shown = text if len(text) <= 60 else text[:60] + "…"
        raise BadInput(f"{shown!r} is not an id. Ids look like 01920000-0000-7000-8000-000000000000.")
    return parsed


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, 5.7) for what no database names: milliseconds since 1970, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | (0x7 << 76) | (randbits(12) << 64) | (0b10 << 62) | randbits(62)
    return UUID(int=value)
