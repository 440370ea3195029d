"""Everything that is I/O, opened together and passed down."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from redis.asyncio import Redis

from datasources.database import Database
from datasources.limits import Limits
from datasources.objects import Objects
from datasources.session_news import SessionNews
from datasources.sessions import Sessions
from datasources.valkey import open_valkey
from domain.errors import Unavailable
from domain.limits import LimitClass
from domain.passwords import Passwords
from settings import Settings


@dataclass(frozen=True, slots=True)
class Sources:
    database: Database
    valkey: Redis
    objects: Objects
    news: SessionNews
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
        news = await stack.enter_async_context(listening(SessionNews(valkey)))
        passwords = Passwords(
            passes=settings.argon2_passes, memory_kib=settings.argon2_memory_kib, lanes=settings.argon2_lanes
        )
        yield Sources(
            database, valkey, objects, news, Sessions(valkey, news), Limits(valkey, limits_in(settings)), passwords
        )


@contextmanager
def naming(variable: str) -> Iterator[None]:
    """Whoever starts us learns which of the settings leads to a store that does not answer."""
    try:
        yield
    except Unavailable as error:
        raise Unavailable(f"{variable}: {error}") from error


@asynccontextmanager
async def listening(news: SessionNews) -> AsyncIterator[SessionNews]:
    task = asyncio.create_task(news.listen())
    try:
        yield news
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def limits_in(settings: Settings) -> dict[LimitClass, int]:
    return {
        LimitClass.STREAM: settings.rate_limit_stream,
        LimitClass.SEARCH: settings.rate_limit_search,
        LimitClass.LIBRARY: settings.rate_limit_library,
        LimitClass.RECOMMENDATIONS: settings.rate_limit_recommendations,
        LimitClass.SIGN_IN: settings.rate_limit_sign_in,
    }
