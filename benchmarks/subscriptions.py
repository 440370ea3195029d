"""From commit to device: `python -m benchmarks.subscriptions`.

A gateway process holds open `libraryChanged` sockets. Changes are committed by this process, not by the gateway, so
that every ring crosses Valkey, and timed from the moment when their transaction has committed to the arrival of their
bytes at the device. Stores and gateways are its own. Asserts nothing.
"""

import asyncio
import gc
import random
import resource
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.gateways import Gateway, serving
from benchmarks.listeners import Listener, add_listener, add_tracks, token_of, turn
from benchmarks.streams import Stream
from datasources.embedded.borrow import embedded_stores
from datasources.migrations import migrate
from datasources.sources import Sources, open_sources
from settings import Settings
from tests.fixtures.processes import eventually

RATE, SECONDS = 50.0, 20.0
OPENING = 100
"""Sockets that are being opened at a time."""
WARM_UP = 20
"""Sockets that are opened and closed before memory is first read: what a process loads once is no cost of a socket."""
PATIENCE = 10.0
"""Seconds after the last commit in which devices may still hear of one."""


class Load(NamedTuple):
    """How many sockets, how many of them follow the same library, and whether they ask for compression."""

    sockets: int
    each: int = 1
    deflate: bool = False


LOADS = (Load(1_000), Load(1_000, each=10), Load(1_000, deflate=True), Load(5_000), Load(5_000, each=10))


@dataclass
class Times:
    """When changes were committed, and when each device first had them; by sync token, which no two libraries share."""

    committed: dict[str, float] = field(default_factory=dict)
    received: dict[tuple[int, str], float] = field(default_factory=dict)

    def take(self, device: int, delta: Any, at: float) -> None:
        for change in delta["changes"]:
            self.received.setdefault((device, change["syncToken"]), at)

    @property
    def milliseconds(self) -> list[float]:
        return [1000 * (at - self.committed[token]) for (_, token), at in self.received.items()]


def main(
    rate: Annotated[float, typer.Option(help="Commits a second.")] = RATE,
    seconds: Annotated[float, typer.Option(help="How long to commit, for each row.")] = SECONDS,
    sockets: Annotated[int, typer.Option(help="Only the rows with this many sockets; 0 is all.")] = 0,
) -> None:
    """Measure how long after its commit a change reaches the devices that follow the library."""
    loads = [load for load in LOADS if sockets in (0, load.sockets)]
    uvloop.run(measure(loads or [Load(sockets)], rate, seconds))


async def measure(loads: Sequence[Load], rate: float, seconds: float) -> None:
    allow_files(3 * max(load.sockets for load in loads))
    table = Table(
        *("sockets", "libraries", "compressed", "s to open", "kB a socket"),
        *("changes", "lost", "median ms", "99th of 100", "slowest", "gateway's CPU"),
        title=f"from commit to device, {rate:g} commits a second for {seconds:g} s",
    )
    with TemporaryDirectory() as folder:
        bare = Settings(segue_data=Path(folder) / "data", jobs=False, drain_seconds=0)
        async with embedded_stores(bare) as settings:
            await migrate(str(settings.database_url))
            async with open_sources(settings) as sources:
                (track,) = await add_tracks(sources, 1)
                for load in loads:
                    # A process of its own for each row: memory that was used once is not given back.
                    async with serving(settings, Path(folder) / "log") as gateway:
                        table.add_row(*await row(sources, gateway, load, track, rate, seconds))
    Console(width=140).print(table)


def allow_files(wanted: int) -> None:
    """Raise the limit of open files for this process and those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else wanted, hard))


async def row(
    sources: Sources, gateway: Gateway, load: Load, track: UUID, rate: float, seconds: float
) -> tuple[str, ...]:
    listeners = [await add_listener(sources) for _ in range(load.sockets // load.each)]
    times = Times()
    async with opened(gateway, listeners[:1] * WARM_UP, Times(), deflate=load.deflate):
        pass
    before, began = gateway.memory, time.perf_counter()
    async with opened(gateway, listeners * load.each, times, deflate=load.deflate):
        opening, memory = time.perf_counter() - began, gateway.memory - before
        # Ours must not pause for its garbage either.
        gc.collect()
        gc.freeze()
        worked, began = gateway.processor_seconds, time.perf_counter()
        await commit(sources, listeners, track, times, rate, seconds)
        share = (gateway.processor_seconds - worked) / (time.perf_counter() - began)
        due = len(times.committed) * load.each
        await eventually_all(times, due)
    took = times.milliseconds
    centiles = quantiles(took, n=100)
    return (
        f"{load.sockets:,}",
        f"{len(listeners):,}",
        "yes" if load.deflate else "no",
        f"{opening:.1f}",
        f"{memory / load.sockets / 1024:.0f}",
        f"{len(times.committed):,}",
        f"{due - len(took):,} of {due:,}",
        f"{centiles[49]:.1f}",
        f"{centiles[98]:.1f}",
        f"{max(took):.1f}",
        f"{share:.0%}",
    )


@asynccontextmanager
async def opened(gateway: Gateway, listeners: list[Listener], times: Times, *, deflate: bool) -> AsyncIterator[None]:
    """A socket for each, all of them subscribed inside the block."""
    gate = asyncio.Semaphore(OPENING)

    async def stream(device: int, listener: Listener) -> Stream:
        async with gate:
            take = partial(times.take, device)
            return await Stream.open(gateway.url, listener.session, None, take, deflate=deflate)

    streams = await asyncio.gather(*map(stream, count(), listeners))
    await running(gateway, len(listeners))
    yield
    for each in streams:
        each.close()
    await asyncio.gather(*(each.closed for each in streams))
    await running(gateway, 0)


async def running(gateway: Gateway, wanted: int) -> None:
    """Wait until so many subscriptions run in the gateway."""

    async def is_so() -> bool:
        return await gateway.counted("open_subscriptions") == wanted

    await eventually(is_so, 60)


async def commit(
    sources: Sources, listeners: Sequence[Listener], track: UUID, times: Times, rate: float, seconds: float
) -> None:
    """Change libraries at random, at a steady rate, however long each commit takes."""

    async def change(listener: Listener) -> None:
        edit = await turn(sources, listener, track)
        times.committed[token_of(edit)] = time.perf_counter()

    loop = asyncio.get_running_loop()
    began = loop.time()
    changes = []
    for number in range(round(rate * seconds)):
        await asyncio.sleep(began + number / rate - loop.time())
        changes.append(loop.create_task(change(random.choice(listeners))))
    await asyncio.gather(*changes)


async def eventually_all(times: Times, due: int) -> None:
    """Wait for what is still on its way, and no longer than is reasonable."""
    deadline = time.perf_counter() + PATIENCE
    while len(times.received) < due and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    typer.run(main)
