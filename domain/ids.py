"""Entity ids: a UUID in its usual text form, everywhere."""

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
