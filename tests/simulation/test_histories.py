"""Random histories, as many as a test run affords. `python -m tests.simulation` plays more."""

import time
from collections.abc import AsyncIterator

import pytest

from datasources.sources import Sources, open_sources
from settings import Settings
from tests.simulation.history import play
from tests.simulation.stage import Stage

HISTORIES = 300
FIRST_SEED = 1
SECONDS, ENOUGH = 30.0, 30
"""Time for all of them, and how many are played however slow the machine is."""


@pytest.fixture
async def stage(sources: Sources, settings: Settings) -> AsyncIterator[Stage]:
    async with open_sources(settings.model_copy(update={"rate_limit_library": 10**9})) as unlimited:
        yield await Stage.of(unlimited)


async def test_devices_agree_whatever_happened(stage: Stage) -> None:
    started, played = time.monotonic(), 0
    while played < HISTORIES and (played < ENOUGH or time.monotonic() - started < SECONDS):
        await play(stage, FIRST_SEED + played)
        played += 1

    print(f"{played} histories in {time.monotonic() - started:.0f} s")
