"""PostgreSQL: statements compiled once, run on a raw asyncpg pool, answered with rows that read like objects.

Statements are SQLAlchemy expressions over the tables, so that names and types are checked when the module is
imported; only their text and the order of their parameters are kept. Rows are asyncpg's own records.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn, Self

import asyncpg
import msgspec
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from domain.errors import Unavailable

DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
COMMAND_LIMIT = 30.0
"""Seconds. No statement of ours takes one; a connection that hangs must not hold its request for ever."""
ACQUIRE_LIMIT = 5.0
"""Seconds to wait for a connection while all are busy."""
CLOSE_LIMIT = 5.0
"""Seconds that statements get to finish when the process ends."""
RETRY_AFTER = 2


class Row(asyncpg.Record):  # type: ignore[misc]
    """A record whose columns are attributes. Each entity has its own subclass, by which unions tell rows apart."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no column {name}") from None


class Statement:
    """One SQL statement: its text with `$n` parameters, and the names that fill them in order."""

    def __init__(self, expression: Executable, row: type[Row] = Row) -> None:
        compiled = expression.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self.row = row
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        # A parameter without a value of its own must be given one: None would silently match nothing.
        self._constants = {
            name: compiled.params[name] for bind, name in compiled.bind_names.items() if not bind.required
        }

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's order; constants of the expression fill in what is not given."""
        return [values[name] if name in values else self._constants[name] for name in self._names]


counted: ContextVar[list[str] | None] = ContextVar("counted", default=None)


@contextmanager
def count_statements() -> Iterator[list[str]]:
    """Collects the text of every statement that runs inside the block, in tasks started there too."""
    texts: list[str] = []
    outer = counted.get()
    token = counted.set(texts)
    try:
        yield texts
    finally:
        counted.reset(token)
        if outer is not None:
            outer.extend(texts)


class Connection:
    """Runs statements on one connection; inside `Database.transaction`, in its transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, **values: Any) -> list[Any]:
        note(statement)
        rows = await self._connection.fetch(
            statement.text, *statement.arguments(values), record_class=statement.row, timeout=COMMAND_LIMIT
        )
        return list(rows)

    async def fetch_one(self, statement: Statement, **values: Any) -> Any | None:
        rows = await self.fetch(statement, **values)
        return rows[0] if rows else None

    async def execute(self, statement: Statement, **values: Any) -> None:
        await self.fetch(statement, **values)


class Database:
    """A pool of connections. Every statement takes its own, so that batches of one request run side by side."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, size: int) -> AsyncIterator[Self]:
        """Connect; raises Unavailable when the database cannot be reached."""
        with unavailable_when_down():
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=size, init=prepare_connection, reset=keep_as_is, timeout=10
            )
        try:
            yield cls(pool)
        finally:
            try:
                await asyncio.wait_for(pool.close(), CLOSE_LIMIT)
            except TimeoutError:
                pool.terminate()

    async def fetch(self, statement: Statement, **values: Any) -> list[Any]:
        """The statement's rows. Raises Unavailable when the database does not answer."""
        note(statement)
        with unavailable_when_down():
            async with self._pool.acquire(timeout=ACQUIRE_LIMIT) as connection:
                rows = await connection.fetch(
                    statement.text, *statement.arguments(values), record_class=statement.row, timeout=COMMAND_LIMIT
                )
        return list(rows)

    async def fetch_one(self, statement: Statement, **values: Any) -> Any | None:
        rows = await self.fetch(statement, **values)
        return rows[0] if rows else None

    async def by_key(self, statement: Statement, keys: list[Any], **values: Any) -> list[Any | None]:
        """Rows for a batch of `keys`, aligned with them; the statement returns each row's key as `key`."""
        found = {row["key"]: row for row in await self.fetch(statement, keys=keys, **values)}
        return [found.get(key) for key in keys]

    async def lists_by_key(self, statement: Statement, keys: list[Any], **values: Any) -> list[list[Any]]:
        """Lists of rows for a batch of `keys`, aligned with them, in the statement's order."""
        found: dict[Any, list[Any]] = {key: [] for key in keys}
        for row in await self.fetch(statement, keys=keys, **values):
            found[row["key"]].append(row)
        return [found[key] for key in keys]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with unavailable_when_down():
            async with self._pool.acquire(timeout=ACQUIRE_LIMIT) as connection, connection.transaction():
                yield Connection(connection)


def note(statement: Statement) -> None:
    texts = counted.get()
    if texts is not None:
        texts.append(statement.text)


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """JSON columns hold plain Python values."""
    encode: Callable[[Any], str] = lambda value: msgspec.json.encode(value).decode()  # noqa: E731
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=encode, decoder=msgspec.json.decode)


async def keep_as_is(_: asyncpg.Connection) -> None:
    """asyncpg's own reset costs a round trip with every release. We keep no state in a session, so none is due."""


@contextmanager
def unavailable_when_down() -> Iterator[None]:
    """Connection failures become the sentence that a caller can act on."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError) as error:
        raise_unavailable(error)
    except (asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError) as error:
        raise_unavailable(error)
    except asyncpg.InterfaceError as error:
        # What a transaction says whose connection was lost: rolling back, it hides the reason.
        if "connection is closed" not in str(error):
            raise
        raise_unavailable(error)


def raise_unavailable(error: BaseException) -> NoReturn:
    raise Unavailable("The database does not answer just now; try again.", retry_after=RETRY_AFTER) from error
