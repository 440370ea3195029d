"""Real stores for every test, started once a run and shared by its workers; each worker has its own database.

Nothing is mocked: PostgreSQL, Valkey and SeaweedFS are the embedded ones, in a folder of the run's own.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from datasources.embedded.borrow import embedded_stores
from datasources.migrations import migrate
from datasources.sources import Sources, open_sources
from settings import Settings
from tests.fixtures.catalogue import own_database
from tests.fixtures.client import Client
from tests.fixtures.processes import processes_of


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run makes the folder; its workers find it in the environment."""
    if "SEGUE_TEST_DATA" not in os.environ:
        os.environ["SEGUE_TEST_DATA"] = tempfile.mkdtemp(prefix="segue-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop("SEGUE_TEST_DATA"), ignore_errors=True))


@pytest.fixture(scope="session")
async def settings() -> AsyncIterator[Settings]:
    """Settings of running stores, with a database, a key space and a bucket for this worker alone."""
    worker_id = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    number = int(worker_id.removeprefix("gw"))
    bare = Settings(segue_data=Path(os.environ["SEGUE_TEST_DATA"]), s3_bucket=f"segue-{worker_id}")
    async with embedded_stores(bare) as shared:
        database = f"worker_{worker_id}"
        connection = await asyncpg.connect(str(shared.database_url))
        await connection.execute(f"CREATE DATABASE {database}")
        await connection.close()
        own = shared.model_dump() | {
            "database_url": urlunsplit(urlsplit(str(shared.database_url))._replace(path=f"/{database}")),
            # Tests share one address, and hash many passwords.
            "rate_limit_sign_in": 100_000,
            "argon2_passes": 1,
            "argon2_memory_kib": 8_192,
            "redis_url": urlunsplit(urlsplit(str(shared.redis_url))._replace(path=f"/{number}")),
        }
        yield Settings.model_validate(own)


@pytest.fixture(scope="session")
async def sources(settings: Settings) -> AsyncIterator[Sources]:
    """Open sources over a migrated database."""
    await migrate(str(settings.database_url))
    async with open_sources(settings) as opened:
        yield opened


@pytest.fixture
async def client(sources: Sources, settings: Settings) -> AsyncIterator[Client]:
    """An anonymous caller of the whole application."""
    async with Client.of(sources, settings) as caller:
        yield caller


@pytest.fixture
async def valkey(sources: Sources) -> Redis:
    """The run's Valkey itself, to look behind the sources."""
    return sources.valkey


@pytest.fixture
async def own_settings(settings: Settings, tmp_path: Path) -> AsyncIterator[Settings]:
    """An empty database on the stores of this test run."""
    async with own_database(settings) as own:
        yield own.model_copy(update={"segue_data": tmp_path / "data"})


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder for SEGUE_DATA; what a failed test left running in it is ended."""
    folder = tmp_path / "data"
    yield folder
    for process in processes_of(folder):
        process.kill()
