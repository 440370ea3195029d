"""Everything that is I/O, opened together and passed down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from redis.asyncio import Redis

from datasources.database import Database
from datasources.limits import Limits
from datasources.objects import Objects
from datasources.session_news import SessionNews
from datasources.sessions import Sessions
from datasources.valkey import open_valkey
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
    async with (
        Database.open(str(settings.database_url), settings.database_pool_size) as database,
        open_valkey(str(settings.redis_url)) as valkey,
        Objects.open(settings) as objects,
        listening(SessionNews(valkey)) as news,
    ):
        passwords = Passwords(
            passes=settings.argon2_passes, memory_kib=settings.argon2_memory_kib, lanes=settings.argon2_lanes
        )
        yield Sources(
            database, valkey, objects, news, Sessions(valkey, news), Limits(valkey, limits_in(settings)), passwords
        )


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
