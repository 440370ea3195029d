"""Everything that is I/O, opened together and passed down."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis

from datasources.channels import Channels
from datasources.database import Database
from datasources.doorbell import Doorbell
from datasources.library_edits import Libraries
from datasources.library_heads import library_heads
from datasources.limits import Limits
from datasources.objects import Objects
from datasources.session_news import SessionNews
from datasources.sessions import Sessions
from datasources.valkey import open_valkey
from domain.errors import Unavailable
from domain.limits import LimitClass
from domain.passwords import Passwords
from settings import Settings

log = structlog.get_logger("segue.sources")


@dataclass(frozen=True, slots=True)
class Sources:
    database: Database
    valkey: Redis
    objects: Objects
    channels: Channels
    news: SessionNews
    library_bell: Doorbell
    library: Libraries
    sessions: Sessions
    limits: Limits
    passwords: Passwords


@asynccontextmanager
async def open_sources(settings: Settings) -> AsyncIterator[Sources]:
    """Connect to every store; raises Unavailable, naming the one that cannot be reached."""
    async with AsyncExitStack() as stack:
        with naming("DATABASE_URL"):
            opening = Database.open(str(settings.database_url), settings.database_pool_size)
            database = await stack.enter_async_context(opening)
        with naming("REDIS_URL"):
            valkey = await stack.enter_async_context(open_valkey(str(settings.redis_url)))
        with naming("S3_ENDPOINT_URL"):
            objects = await stack.enter_async_context(Objects.open(settings))
        channels = Channels(valkey)
        news = SessionNews(channels)
        library_bell = Doorbell(channels, valkey, "library", partial(library_heads, database))
        await stack.enter_async_context(running(channels.listen(), library_bell.publish(), library_bell.check()))
        passwords = Passwords(
            passes=settings.argon2_passes, memory_kib=settings.argon2_memory_kib, lanes=settings.argon2_lanes
        )
        yield Sources(
            database,
            valkey,
            objects,
            channels,
            news,
            library_bell,
            Libraries(database, library_bell.ring),
            Sessions(valkey, news),
            Limits(valkey, limits_in(settings)),
            passwords,
        )


@contextmanager
def naming(variable: str) -> Iterator[None]:
    """Whoever starts us learns which of the settings leads to a store that does not answer."""
    try:
        yield
    except Unavailable as error:
        raise Unavailable(f"{variable}: {error}") from error


@asynccontextmanager
async def running(*endless: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """What goes on for ever, beside the block."""
    tasks = [asyncio.create_task(each) for each in endless]
    for task in tasks:
        task.add_done_callback(tell_why)
    try:
        yield
    finally:
        while unfinished := [task for task in tasks if not task.done()]:
            # Again and again: `asyncio.wait_for`, which redis-py sends through, can lose a cancellation (Python 3.11).
            for task in unfinished:
                task.cancel()
            await asyncio.wait(unfinished, timeout=0.1)
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def tell_why(task: "asyncio.Task[None]") -> None:
    """Nobody waits for what goes on for ever: when it ends with a mistake of ours, the log says so."""
    if not task.cancelled() and task.exception():
        log.error("background.ended", task=repr(task.get_coro()), exc_info=task.exception())


def limits_in(settings: Settings) -> dict[LimitClass, int]:
    return {
        LimitClass.STREAM: settings.rate_limit_stream,
        LimitClass.SEARCH: settings.rate_limit_search,
        LimitClass.LIBRARY: settings.rate_limit_library,
        LimitClass.RECOMMENDATIONS: settings.rate_limit_recommendations,
        LimitClass.SIGN_IN: settings.rate_limit_sign_in,
    }
