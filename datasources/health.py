"""Whether the stores answer."""

import asyncio
from collections.abc import Awaitable

from sqlalchemy import literal, select

from datasources.database import Statement
from datasources.sources import Sources

LIMIT = 2.0
"""Seconds that a store may take to answer before it counts as failing."""
ONE = Statement(select(literal(1)))


async def failing(sources: Sources) -> list[str]:
    """The names of the stores that do not answer."""
    checks: dict[str, Awaitable[object]] = {
        "database": sources.database.fetch(ONE),
        "valkey": sources.valkey.ping(),
        "objects": sources.objects.ping(),
    }
    results = await asyncio.gather(
        *(asyncio.wait_for(check, LIMIT) for check in checks.values()), return_exceptions=True
    )
    return [name for name, result in zip(checks, results, strict=True) if isinstance(result, BaseException)]
