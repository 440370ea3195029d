"""What knowing who asks and charging a budget add to a request: `python -m benchmarks.accounts`.

Measures on stores of its own, in one process, and prints the milliseconds of each. Asserts nothing.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import uvloop
from rich.console import Console
from rich.table import Table

from datasources.embedded.borrow import embedded_stores
from datasources.limits import Purse
from datasources.sources import open_sources
from domain.ids import new_id
from domain.limits import LimitClass
from settings import Settings

TIMES = 5_000


class Listener(NamedTuple):
    id: UUID
    role: str = "USER"
    tier: str = "FREE"


async def main() -> None:
    table = Table("what a request does", "median ms", "99th of 100", title=f"{TIMES} times, one after the other")
    with TemporaryDirectory() as data:
        bare = Settings(segue_data=Path(data), rate_limit_stream=10**6)
        async with embedded_stores(bare) as settings, open_sources(settings) as sources:
            token, session = await sources.sessions.start(Listener(new_id()), "benchmark")
            uses = {Purse(str(session.user_id), LimitClass.STREAM): 1}
            steps: dict[str, Callable[[], Awaitable[Any]]] = {
                "find the session, in a copy": lambda: sources.sessions.find(token),
                "find the session, in Valkey": lambda: sources.sessions._read(session.key),
                "charge a budget": lambda: sources.limits.charge(uses),
            }
            for name, step in steps.items():
                spent = [await seconds(step) * 1000 for _ in range(TIMES)]
                table.add_row(name, f"{median(spent):.3f}", f"{quantiles(spent, n=100)[98]:.3f}")
    Console().print(table)


async def seconds(step: Callable[[], Awaitable[Any]]) -> float:
    started = perf_counter()
    await step()
    return perf_counter() - started


if __name__ == "__main__":
    uvloop.run(main())
