"""Jobs are done by one process at a time, when they are due, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from structlog.testing import capture_logs

from datasources.sources import Sources, open_sources
from datasources.valkey import client_for
from domain.errors import Unavailable
from jobs.schedule import JITTER, JOBS, Job, attempt, run_jobs
from settings import Settings
from tests.fixtures.processes import eventually

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=0.1)


def job(run: Callable[[Sources], Awaitable[None]], period: timedelta = HOUR) -> Job:
    """A job of a test's own."""
    return Job(f"test.{uuid4().hex}", period, run)


def runs(of: Job, result: str) -> float:
    return REGISTRY.get_sample_value("job_runs_total", {"job": of.name, "result": result}) or 0.0


@dataclass
class Notes:
    """A job that notes when it ran, and whether another run was under way."""

    times: list[float] = field(default_factory=list)
    under_way: int = 0
    overlaps: int = 0
    lasts: float = 0.0

    async def take(self, sources: Sources) -> None:
        self.overlaps += self.under_way
        self.under_way += 1
        self.times.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(self.lasts)
        finally:
            self.under_way -= 1


@pytest.fixture
async def other(sources: Sources, settings: Settings) -> AsyncIterator[Sources]:
    """Another process' sources: nothing but the stores is between them."""
    async with open_sources(settings) as opened:
        yield opened


async def test_of_all_who_ask_one_gets_the_turn(sources: Sources, other: Sources) -> None:
    notes = Notes()
    asked = job(notes.take)

    due_in = await asyncio.gather(*(attempt(each, asked) for each in (sources, other) * 10))

    assert len(notes.times) == 1
    assert all(0.99 * HOUR.total_seconds() < seconds <= HOUR.total_seconds() for seconds in due_in)
    assert runs(asked, "done") == 1


async def test_the_turn_is_of_one_job(sources: Sources, other: Sources) -> None:
    """The control: it is the name by which they exclude each other."""
    notes = Notes()

    await asyncio.gather(*(attempt(each, job(notes.take)) for each in (sources, other) * 10))

    assert len(notes.times) == 20


async def test_processes_together_keep_to_the_period(sources: Sources, other: Sources) -> None:
    notes = Notes()
    often = job(notes.take, SOON)
    processes = [asyncio.create_task(run_jobs(each, [often])) for each in (sources, other)]

    await eventually(lambda: len(notes.times) >= 10)
    await ended(*processes)

    # A turn begins when the server says so, and the run a little later.
    assert all(later - earlier > 0.8 * SOON.total_seconds() for earlier, later in pairwise(notes.times))
    assert 0 < JITTER < 1


async def test_a_run_ends_with_its_turn(sources: Sources, other: Sources) -> None:
    notes = Notes(lasts=HOUR.total_seconds())
    endless = job(notes.take, SOON)
    processes = [asyncio.create_task(run_jobs(each, [endless])) for each in (sources, other)]

    with capture_logs():
        await eventually(lambda: len(notes.times) >= 5)
        await ended(*processes)

    assert notes.overlaps == 0
    assert runs(endless, "failed") >= 4


async def test_a_failing_job_is_told_and_counted_and_the_others_go_on(sources: Sources) -> None:
    notes = Notes()

    async def fail(_: Sources) -> None:
        raise ValueError("a mistake of ours")

    failing, fine = job(fail, SOON), job(notes.take, SOON)
    with capture_logs() as logs:
        running = asyncio.create_task(run_jobs(sources, [failing, fine]))
        await eventually(lambda: runs(failing, "failed") >= 3 and len(notes.times) >= 3)
        await ended(running)

    told = [line for line in logs if line.get("job") == failing.name]
    assert len(told) == runs(failing, "failed")
    assert {(line["event"], line["log_level"], str(line["exc_info"])) for line in told} == {
        ("job.failed", "error", "a mistake of ours")
    }
    assert runs(failing, "done") == 0
    assert runs(fine, "failed") == 0
    assert REGISTRY.get_sample_value("job_seconds_count", {"job": failing.name}) == len(told)


async def test_a_store_that_is_down_is_a_warning(sources: Sources) -> None:
    async def unavailable(_: Sources) -> None:
        raise Unavailable("The database does not answer just now; try again.")

    without = job(unavailable)
    with capture_logs() as logs:
        due_in = await attempt(sources, without)

    assert logs == [
        {
            "event": "job.failed",
            "log_level": "warning",
            "job": without.name,
            "reason": "The database does not answer just now; try again.",
        }
    ]
    assert runs(without, "unavailable") == 1
    assert due_in > 0.99 * HOUR.total_seconds()


async def test_without_valkey_nobody_gets_a_turn(sources: Sources) -> None:
    notes = Notes()
    asked = job(notes.take)

    with capture_logs() as logs:
        due_in = await attempt(replace(sources, valkey=client_for("redis://127.0.0.1:1")), asked)

    assert notes.times == []
    assert [(line["event"], line["log_level"]) for line in logs] == [("job.failed", "warning")]
    assert runs(asked, "unavailable") == 1
    assert due_in > 0.99 * HOUR.total_seconds()


async def test_cancelling_ends_the_run_that_is_under_way(sources: Sources, valkey: Redis) -> None:
    notes = Notes(lasts=HOUR.total_seconds())
    long = job(notes.take)
    before = asyncio.all_tasks()
    running = asyncio.create_task(run_jobs(sources, [long]))
    await eventually(lambda: notes.under_way)

    with capture_logs() as logs:
        await ended(running)

    assert notes.under_way == 0
    assert logs == []
    assert [runs(long, result) for result in ("done", "failed", "unavailable")] == [0, 0, 0]
    assert asyncio.all_tasks() == before


async def ended(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))


@pytest.mark.parametrize("listed", JOBS, ids=lambda it: it.name)
def test_a_job_is_named_after_where_it_is(listed: Job) -> None:
    run = listed.run
    assert f"jobs.{listed.name}" == f"{run.__module__}.{run.__qualname__}"


def test_no_two_jobs_have_one_name() -> None:
    assert len({listed.name for listed in JOBS}) == len(JOBS)
