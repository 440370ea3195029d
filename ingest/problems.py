"""What could not be taken in, told so that a person can act on it."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One file or folder that was left out. `reason` is a whole sentence that can be shown as it is."""

    path: Path
    reason: str


def display(path: Path) -> str:
    """`path` as text that any terminal, log or JSON encoder takes.

    A file name is bytes: it may be no valid text at all, or carry line breaks and escape sequences that would rewrite
    the terminal it is printed on. Each such byte or character becomes U+FFFD.
    """
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
