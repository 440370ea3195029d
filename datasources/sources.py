"""Everything that is I/O, opened together and passed down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from datasources.database import Database
from datasources.objects import Objects
from datasources.valkey import open_valkey
from settings import Settings


@dataclass(frozen=True, slots=True)
class Sources:
    database: Database
    valkey: Redis
    objects: Objects


@asynccontextmanager
async def open_sources(settings: Settings) -> AsyncIterator[Sources]:
    """Connect to every store; raises Unavailable, naming the one that cannot be reached."""
    async with (
        Database.open(str(settings.database_url), settings.database_pool_size) as database,
        open_valkey(str(settings.redis_url)) as valkey,
        Objects.open(settings) as objects,
    ):
        yield Sources(database, valkey, objects)
