"""Which jobs there are, how often each is due, and who does it.

A job is `async (sources) -> None`, named noun.verb. Every process asks for every turn; the first one gets it, and
has it until the job is due again. The turn is a key in Valkey: it holds no connection of the database's, and it
outlives whoever took it, so that a job is not done more often than it is due.

A run ends with its turn at the latest, so that there is one at a time. Should Valkey forget the key, there are two:
a job must bear that, and being interrupted anywhere.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog

from datasources.metrics import JOB_RUNS, JOB_SECONDS
from datasources.sources import Sources
from datasources.valkey import unavailable_when_down
from domain.errors import Unavailable
from jobs import library

log = structlog.get_logger("segue.jobs")

JITTER = 0.1
"""Part of a period by which processes ask later than they could, so that they do not ask all at once."""


class Job(NamedTuple):
    name: str
    period: timedelta
    run: Callable[[Sources], Awaitable[None]]

    @property
    def key(self) -> str:
        return f"jobs:{self.name}"


JOBS = (
    # Often, so that each run has little to do.
    Job("library.trim", timedelta(hours=1), library.trim),
)


async def run_jobs(sources: Sources, jobs: Sequence[Job] = JOBS) -> None:
    """Run every job whenever it is due, side by side, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(repeat(sources, job), name=job.name)


async def repeat(sources: Sources, job: Job) -> None:
    while True:
        due_in = await attempt(sources, job)
        await asyncio.sleep(due_in + random.uniform(0, JITTER) * job.period.total_seconds())


async def attempt(sources: Sources, job: Job) -> float:
    """Run the job if it is our turn; the seconds until it is due again. A failure is logged and counted."""
    clock = asyncio.get_running_loop().time
    ends = clock() + job.period.total_seconds()
    try:
        async with asyncio.timeout_at(ends):
            if (due_in := await taken_for(sources, job)) is not None:
                return due_in
            with JOB_SECONDS.labels(job.name).time():
                await job.run(sources)
        result = "done"
    except Unavailable as error:
        log.warning("job.failed", job=job.name, reason=str(error))
        result = "unavailable"
    except Exception as error:
        log.error("job.failed", job=job.name, exc_info=error)
        result = "failed"
    JOB_RUNS.labels(job.name, result).inc()
    return max(0.0, ends - clock())


async def taken_for(sources: Sources, job: Job) -> float | None:
    """None when the turn is ours now; the seconds that it lasts when somebody else has it. Raises Unavailable."""
    with unavailable_when_down():
        if await sources.valkey.set(job.key, 1, nx=True, px=job.period):
            return None
        return max(0.0, await sources.valkey.pttl(job.key) / 1000)
