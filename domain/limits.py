"""How much may be asked in a minute, and what is left of it."""

from dataclasses import dataclass
from enum import Enum

PERIOD_SECONDS = 60


class LimitClass(Enum):
    """Fields that draw on one budget together."""

    STREAM = "stream"
    SEARCH = "search"
    LIBRARY = "library"
    RECOMMENDATIONS = "recommendations"
    SIGN_IN = "signIn"


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left after a charge: of `limit` uses a minute, `remaining` may be made at once.

    `retry_after` is the seconds until the next use, 0 while some remain. Fractions of a second count as one.
    """

    limit: int
    remaining: int
    retry_after: int
