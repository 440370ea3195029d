"""Many writers to one library, half of them through a gateway and half in this process, and a reader who must miss
nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from rich.table import Table

from benchmarks.device import ADD
from benchmarks.gateways import Gateway
from benchmarks.listeners import add_listener, turn
from datasources.library_history import read_history
from datasources.sources import Sources

WRITERS = 400
POLL = 0.002
"""Seconds between two reads."""
READ_SIZE = 1_000


async def crowd(sources: Sources, gateway: Gateway, tracks: Sequence[UUID]) -> Table:
    listener = await add_listener(sources)
    reader = Reader()
    reading = asyncio.create_task(reader.poll(sources, listener.user_id))

    async def through_the_graph(track: UUID) -> None:
        await gateway.ask(listener.session, ADD, ids=[str(track)])

    async def here(track: UUID) -> None:
        await turn(sources, listener, track)

    started = time.perf_counter()
    chosen = tracks[:WRITERS]
    await asyncio.gather(*map(through_the_graph, chosen[::2]), *map(here, chosen[1::2]))
    seconds = time.perf_counter() - started
    await asyncio.sleep(50 * POLL)
    reading.cancel()
    table = Table(
        *("writers", "seconds", "the reader's reads", "changes it missed", "changes it had twice"),
        title=f"writers to one library at once, and a reader every {1000 * POLL:g} ms",
    )
    missed, twice = len(set(chosen) - reader.seen.keys()), sum(times > 1 for times in reader.seen.values())
    table.add_row(f"{WRITERS}", f"{seconds:.2f}", f"{reader.reads:,}", f"{missed}", f"{twice}")
    return table


@dataclass
class Reader:
    """Follows a library from its beginning, as a device does that only polls."""

    seen: Counter[UUID] = field(default_factory=Counter)
    """How often each item's change was read."""
    reads: int = 0

    async def poll(self, sources: Sources, user_id: UUID) -> None:
        position = 0
        while True:
            history = await read_history(sources.database, user_id, position, READ_SIZE)
            position = history.position
            self.seen.update(change.item_id for change in history.changes)
            self.reads += 1
            await asyncio.sleep(POLL)
