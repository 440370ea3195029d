"""The packages that are installed are those that are declared."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_lock_has_every_package_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = {name_of(line) for line in (ROOT / "requirements.lock").read_text().splitlines()}

    assert {name_of(requirement) for requirement in declared} <= locked, "run `make lock`"


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found[0].lower().replace("_", "-").replace(".", "-")
