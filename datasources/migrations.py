"""Bring the database to the newest migration, or tell what a new one would have to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from datasources.database import unavailable_when_down
from datasources.tables import metadata
from domain.errors import Unavailable

T = TypeVar("T")

# One migration at a time, whatever number of processes start together. The number is arbitrary, and ours.
ADVISORY_LOCK = 5_391_001


async def migrate(database_url: str) -> None:
    """Run every migration that the database has not seen. Safe to call from several processes at once."""
    await on_connection(database_url, upgrade)


async def missing_migrations(database_url: str) -> list[Any]:
    """What differs between the tables as declared and as migrated; empty when no migration is missing."""
    return await on_connection(database_url, lambda it: compare_metadata(MigrationContext.configure(it), metadata))


async def on_connection(database_url: str, do: Callable[[Connection], T]) -> T:
    # asyncpg reads the URL itself, as it does for the pool: it knows what SQLAlchemy does not, such as sslmode.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database_url))
    try:
        with a_sentence_when_refused(), unavailable_when_down():
            async with engine.begin() as connection:
                return await connection.run_sync(do)
    finally:
        await engine.dispose()


@contextmanager
def a_sentence_when_refused() -> Iterator[None]:
    """What the database has against us is for whoever set DATABASE_URL."""
    try:
        yield
    except (asyncpg.PostgresError, DBAPIError) as error:
        reason = getattr(error, "orig", None) or error
        raise Unavailable(f"DATABASE_URL: the database refuses: {reason}") from error
    except Unavailable as error:
        raise Unavailable(f"DATABASE_URL: {error}") from error


def upgrade(connection: Connection) -> None:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
    config = Config(Path(__file__).parents[1] / "alembic.ini")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(f"The database cannot be migrated: {error}. Is it a newer Segue's?") from error
