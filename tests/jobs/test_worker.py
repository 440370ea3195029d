"""The commands that run jobs, as processes: what they say, how they end, and being killed in the middle."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from datasources.migrations import migrate
from datasources.retention import HISTORY_KEPT
from datasources.sources import open_sources
from gateway import commands
from jobs.schedule import JOBS
from settings import Settings
from tests.fixtures.processes import Command, environment, eventually, segue
from tests.jobs.libraries import Library, connected

NOW = datetime.now(UTC)
OLD = NOW - HISTORY_KEPT - timedelta(hours=1)
SAYS = "Segue works in the background: library.trim every 1:00:00"
MIDDLE = 10
RAN = '"event": "library.trimmed"'


@pytest.fixture(autouse=True)
async def due(valkey: Redis) -> None:
    """Every job is due: no test before this one has taken its turn."""
    await valkey.delete(*(job.key for job in JOBS))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_says_what_it_does_and_ends_when_asked(
    own_settings: Settings, tmp_path: Path, stop: signal.Signals
) -> None:
    with segue("worker", log=tmp_path / "log", **environment(own_settings)) as worker:
        await worker.says(SAYS)
        await worker.says(RAN)

        worker.process.send_signal(stop)
        assert await worker.status() == 0

    assert "Traceback" not in worker.said


async def test_a_worker_that_is_stopped_in_the_middle_ends_at_once(own_settings: Settings, tmp_path: Path) -> None:
    await migrate(str(own_settings.database_url))
    async with connected(str(own_settings.database_url)) as pool, open_sources(own_settings) as sources:
        library = await Library.new(sources, pool)
        await library.add([OLD])
        with segue("worker", log=tmp_path / "log", **environment(own_settings)) as worker:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT FROM libraries FOR UPDATE")
                await somebody_waits(pool)
                worker.process.send_signal(signal.SIGTERM)
                assert await worker.status() == 0

    assert "Traceback" not in worker.said
    assert "job.failed" not in worker.said


async def test_a_worker_that_is_killed_leaves_floors_and_changes_that_agree(
    own_settings: Settings, tmp_path: Path, valkey: Redis
) -> None:
    await migrate(str(own_settings.database_url))
    async with connected(str(own_settings.database_url)) as pool, open_sources(own_settings) as sources:
        libraries = [await Library.new(sources, pool) for _ in range(20)]
        for library in libraries:
            await library.add([OLD] * 2500 + [NOW])

        async def floors() -> list[int]:
            states = [await library.state() for library in libraries]
            assert all(positions == list(range(floor + 1, head + 1)) for head, floor, positions in states)
            return [floor for _, floor, _ in states]

        with segue("worker", log=tmp_path / "log", **environment(own_settings)) as worker:
            async with pool.acquire() as connection, connection.transaction():
                lock = "SELECT FROM libraries WHERE user_id = $1 FOR UPDATE"
                await connection.execute(lock, libraries[MIDDLE].user_id)
                await somebody_waits(pool)
                worker.process.kill()
                await worker.status()
                left = await floors()

        assert left[MIDDLE] == 0
        assert 0 < left.count(2500) < len(libraries)
        await valkey.delete(*(job.key for job in JOBS))  # the next turn
        with segue("worker", log=tmp_path / "second log", **environment(own_settings)) as worker:
            await worker.says(RAN)
        assert await floors() == [2500] * 20


async def somebody_waits(pool: asyncpg.Pool) -> None:
    """Until a statement waits for a row that another transaction holds."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%UPDATE libraries%'"
    )
    await eventually(lambda: pool.fetchval(waiting))


async def counted(gateway: Command) -> str:
    """The gateway's metrics of jobs."""
    said = await gateway.says("A query to paste")
    url = said.split("Segue serves ")[1].split()[0].replace("/graphql", "/metrics")
    async with httpx.AsyncClient() as web:
        return "\n".join(line for line in (await web.get(url)).text.splitlines() if line.startswith("job_"))


async def test_the_gateway_runs_jobs_too(own_settings: Settings, tmp_path: Path) -> None:
    with segue("serve", log=tmp_path / "log", **environment(own_settings) | {"PORT": "0"}) as gateway:
        await gateway.says(RAN)
        assert 'job_runs_total{job="library.trim",result="done"} 1.0' in await counted(gateway)

        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.status() == 0

    assert "Traceback" not in gateway.said


async def test_the_gateway_leaves_jobs_to_workers(own_settings: Settings, tmp_path: Path) -> None:
    variables = environment(own_settings) | {"PORT": "0", "JOBS": "false"}
    with segue("serve", log=tmp_path / "log", **variables) as gateway:
        assert "library.trim" not in await counted(gateway)
        with segue("worker", log=tmp_path / "worker log", **environment(own_settings)) as worker:
            await worker.says(RAN)
        assert "library.trim" not in await counted(gateway)

        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.status() == 0

    assert RAN not in gateway.said


def test_help_reads_well() -> None:
    shown = CliRunner().invoke(commands, ["worker", "--help"], env={"COLUMNS": "100", "TERM": "dumb"})

    assert shown.exit_code == 0
    assert "Run the background jobs alone until stopped." in shown.output
    assert "JOBS=false" in shown.output
