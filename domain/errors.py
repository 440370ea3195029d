"""Every error a caller can act on, with the code it carries in `extensions.code`.

    SegueError
    ├── BadInput            BAD_USER_INPUT      what was sent cannot be used; the message says what to send instead
    ├── NotSignedIn         UNAUTHENTICATED     the field needs a session
    ├── NotAllowed          FORBIDDEN           the session may not do this
    ├── NotFound            NOT_FOUND           there is no such thing, or it is somebody else's
    ├── Conflict            CONFLICT            it was changed meanwhile, or the name is taken
    ├── RateLimited         RATE_LIMITED        the budget of a minute is used up; `retry_after` says when it is not
    └── Unavailable         UNAVAILABLE         a store does not answer; `retry_after` says when to try again

Anything else is a mistake of ours: it is masked, logged with an id, and counted.
"""

from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """What `extensions.code` may say."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class SegueError(Exception):
    """A sentence for the caller."""

    code: ClassVar[ErrorCode]

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which trying again makes sense, if it does."""


class BadInput(SegueError):
    code = ErrorCode.BAD_USER_INPUT


class NotSignedIn(SegueError):
    code = ErrorCode.UNAUTHENTICATED


class NotAllowed(SegueError):
    code = ErrorCode.FORBIDDEN


class NotFound(SegueError):
    code = ErrorCode.NOT_FOUND


class Conflict(SegueError):
    code = ErrorCode.CONFLICT


class RateLimited(SegueError):
    code = ErrorCode.RATE_LIMITED


class Unavailable(SegueError):
    code = ErrorCode.UNAVAILABLE
