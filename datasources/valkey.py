"""The connection to Valkey or Redis: a server, one behind TLS, or the master that Redis Sentinel names."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer

from domain.errors import Unavailable

# RESP2 keeps messages of channels and answers to commands alike. A connection that the server has closed is opened
# again once; a server that hangs is given up after two seconds.
OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": 2,
    "socket_timeout": 2,
    "protocol": 2,
    "retry": Retry(NoBackoff(), 1),
}
RETRY_AFTER = 2


@asynccontextmanager
async def open_valkey(url: str) -> AsyncIterator[Redis]:
    """A client with its own pool; raises Unavailable when nothing answers."""
    client = client_for(url)
    try:
        with unavailable_when_down():
            try:
                await client.ping()
            except (AuthenticationError, ResponseError) as error:
                raise Unavailable(f"The server refuses: {error}") from error
        yield client
    finally:
        await client.aclose()
        manager = getattr(client.connection_pool, "sentinel_manager", None)
        for sentinel in manager.sentinels if manager else ():
            await sentinel.aclose()


def client_for(url: str) -> Redis:
    """`redis://`, `rediss://` and `unix://` as redis-py has them, and for Sentinel
    `redis+sentinel://[user:password@]host[:port][,host[:port]…]/service[/database]`, `rediss+sentinel://` with TLS.
    """
    parts = urlsplit(url)
    if not parts.scheme.endswith("+sentinel"):
        return Redis.from_url(url, **OPTIONS)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    service, _, database = parts.path.strip("/").partition("/")
    options = OPTIONS | ({"ssl": True} if parts.scheme.startswith("rediss") else {})
    sentinel: Any = Sentinel([address(host) for host in hosts.split(",")], sentinel_kwargs=options)  # type: ignore[no-untyped-call]
    known = {"username": user or None, "password": password or None, "db": int(database or 0)}
    return cast(Redis, sentinel.master_for(service, **options, **known))


def address(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port or 26379)


@contextmanager
def unavailable_when_down() -> Iterator[None]:
    try:
        yield
    except (ConnectionLost, NoAnswer, OSError) as error:
        raise Unavailable("The session store does not answer just now; try again.", retry_after=RETRY_AFTER) from error
