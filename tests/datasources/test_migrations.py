"""Migrations bring any database to the tables as they are declared, and nothing is missing from them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from datasources.migrations import migrate, missing_migrations
from datasources.tables import metadata
from settings import Settings
from tests.fixtures.catalogue import own_database


@pytest.fixture
async def url(settings: Settings) -> AsyncIterator[str]:
    """An empty database."""
    async with own_database(settings) as own:
        yield str(own.database_url)


async def sql(url: str, statement: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"


async def test_an_empty_database_gets_every_table(url: str) -> None:
    await migrate(url)

    assert set(await sql(url, TABLES)) == {*metadata.tables, "alembic_version"}


async def test_migrating_again_keeps_what_is_there(url: str) -> None:
    await migrate(url)
    before = await sql(url, "INSERT INTO genres (name, name_key) VALUES ('Jazz', 'jazz') RETURNING id::text")

    await migrate(url)

    assert await sql(url, "SELECT id::text FROM genres") == before


async def test_four_processes_may_migrate_at_once(url: str) -> None:
    await asyncio.gather(*(migrate(url) for _ in range(4)))

    assert await missing_migrations(url) == []
    assert len(await sql(url, "SELECT version_num FROM alembic_version")) == 1


async def test_the_old_scheme_of_a_url_works_too(url: str) -> None:
    await migrate(url.replace("postgresql://", "postgres://"))

    assert await missing_migrations(url) == []


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ("ALTER TABLE tracks DROP COLUMN isrc", "isrc"),
        ("ALTER TABLE tracks ADD COLUMN mood text", "mood"),
        ("DROP INDEX albums_of_artist_by_title", "albums_of_artist_by_title"),
        ("ALTER TABLE users ALTER COLUMN username DROP NOT NULL", "username"),
    ],
)
async def test_a_missing_migration_is_noticed(url: str, change: str, noticed: str) -> None:
    await migrate(url)
    assert await missing_migrations(url) == []

    await sql(url, change)

    assert noticed in str(await missing_migrations(url))
