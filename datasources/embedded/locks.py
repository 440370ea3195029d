"""File locks that the kernel releases when their holder ends, however it ends."""

import fcntl
from pathlib import Path
from types import TracebackType
from typing import Self


class Lock:
    """One `flock` on one file: free, shared or exclusive. Held until the block ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")

    def try_exclusive(self) -> bool:
        """Become the only holder, if nobody else holds it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Become one of its holders, unless somebody holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
