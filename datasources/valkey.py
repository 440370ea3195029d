"""The connection to Valkey or Redis."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer

from domain.errors import Unavailable


@asynccontextmanager
async def open_valkey(url: str) -> AsyncIterator[Redis]:
    """A client with its own pool; raises Unavailable when nothing answers."""
    client = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        with unavailable_when_down():
            await client.ping()
        yield client
    finally:
        await client.aclose()


@contextmanager
def unavailable_when_down() -> Iterator[None]:
    try:
        yield
    except (ConnectionLost, NoAnswer, OSError) as error:
        raise Unavailable("The session store does not answer just now; try again.", retry_after=2) from error
