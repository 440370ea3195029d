"""Clocks: what decides which of two changes is the later one, on every device and in any order of arrival."""

from datetime import datetime
from typing import NamedTuple


class Clock(NamedTuple):
    """When a listener did something, by their device's clock, and the id of the mutation, which settles ties."""

    at: datetime
    """With a zone, and never later than the library's own time."""
    by: str
