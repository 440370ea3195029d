"""Statements, pool and transactions."""

from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from datasources.database import Connection, Database, Row, Statement, count_statements
from datasources.sources import Sources
from datasources.tables.catalog import albums, artists
from domain.errors import Unavailable
from settings import Settings

ADD = Statement(
    insert(artists)
    .values(name=bindparam("name"), name_key=bindparam("key"), verified=bindparam("verified"))
    .returning(artists.c.id)
)
NAMED = Statement(
    select(artists.c.id, artists.c.name, artists.c.verified).where(artists.c.name_key == bindparam("key"))
)
KEYED = Statement(
    select(artists.c.name_key.label("key"), artists.c.name)
    .where(artists.c.name_key == func.any(bindparam("keys", type_=ARRAY(Text))))
    .order_by(artists.c.name)
)


class Named(Row): ...


def test_a_statement_is_text_with_numbered_parameters_in_its_own_order() -> None:
    statement = Statement(
        update(albums)
        .where(albums.c.id == bindparam("album", type_=Uuid), albums.c.type != "SINGLE")
        .values(title=bindparam("new_title"), release_date=bindparam("released"))
    )
    album = uuid4()

    assert statement.text == (
        "UPDATE albums SET title=$1::VARCHAR, release_date=$2::DATE WHERE albums.id = $3::UUID"
        " AND albums.type != $4::VARCHAR"
    )
    given = {"album": album, "released": date(2020, 1, 1), "new_title": "New", "unknown": 1}
    assert statement.arguments(given) == ["New", date(2020, 1, 1), album, "SINGLE"]


def test_a_parameter_that_is_forgotten_is_noticed() -> None:
    with pytest.raises(LookupError):
        NAMED.arguments({})


async def test_rows_read_like_objects_of_their_statements_class(sources: Sources) -> None:
    key = uuid4().hex
    named = Statement(select(artists.c.id, artists.c.name).where(artists.c.name_key == bindparam("key")), Named)
    added = await sources.database.fetch_one(ADD, name="Somebody", key=key, verified=True)
    row = await sources.database.fetch_one(named, key=key)

    assert added
    assert isinstance(row, Named)
    assert (row.id, row.name) == (added.id, "Somebody")
    assert isinstance(row.id, UUID)
    with pytest.raises(AttributeError, match="no column verified"):
        _ = row.verified
    assert await sources.database.fetch_one(named, key="nobody") is None


async def test_batches_are_aligned_with_their_keys(sources: Sources) -> None:
    one, other = sorted(uuid4().hex for _ in range(2))
    for key in (other, one):
        await sources.database.fetch(ADD, name=f"Name of {key}", key=key, verified=False)

    with count_statements() as statements:
        rows = await sources.database.by_key(KEYED, [other, "nobody", one, other])
        lists = await sources.database.lists_by_key(KEYED, [other, "nobody", one])

    assert [row and row.name for row in rows] == [f"Name of {other}", None, f"Name of {one}", f"Name of {other}"]
    assert [[row.name for row in rows] for rows in lists] == [[f"Name of {other}"], [], [f"Name of {one}"]]
    assert statements == [KEYED.text] * 2


async def test_a_transaction_that_ends_well_stays(sources: Sources) -> None:
    key = uuid4().hex

    async with sources.database.transaction() as connection:
        await connection.execute(ADD, name="Somebody", key=key, verified=False)
        assert await connection.fetch_one(NAMED, key=key)
        assert await sources.database.fetch(NAMED, key=key) == [], "nobody else sees it yet"

    assert len(await sources.database.fetch(NAMED, key=key)) == 1


async def test_a_transaction_that_fails_leaves_nothing(sources: Sources) -> None:
    key = uuid4().hex

    async def fail(connection: Connection) -> None:
        await connection.execute(ADD, name="Somebody", key=key, verified=False)
        await connection.execute(ADD, name="The same again", key=key, verified=False)

    with pytest.raises(asyncpg.UniqueViolationError):
        async with sources.database.transaction() as connection:
            await fail(connection)

    assert await sources.database.fetch(NAMED, key=key) == []


async def test_a_refused_statement_leaves_its_connection_usable(settings: Settings) -> None:
    key = uuid4().hex
    async with Database.open(str(settings.database_url), 1) as database:
        await database.fetch(ADD, name="Somebody", key=key, verified=False)
        with pytest.raises(asyncpg.UniqueViolationError):
            await database.fetch(ADD, name="Somebody", key=key, verified=False)

        assert len(await database.fetch(NAMED, key=key)) == 1


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="does not answer just now") as refusal:
        async with Database.open("postgresql://nobody@127.0.0.1:1/nothing", 1):
            pass

    assert refusal.value.retry_after == 2
