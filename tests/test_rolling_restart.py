"""Two gateways are restarted one after the other under a thousand sockets, while libraries go on changing."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.gateways import Gateway, serving
from benchmarks.listeners import Listener, add_listener, add_tracks, turn
from benchmarks.streams import Stream
from datasources.library_heads import library_heads
from datasources.library_history import read_history
from datasources.migrations import migrate
from datasources.sources import Sources, open_sources
from domain.sync_tokens import encode_token
from resolvers.sockets import RESTART
from settings import Settings
from tests.fixtures.processes import eventually

LISTENERS, DEVICES_EACH = 200, 5
OPENING = 50
"""Devices that connect at a time."""
CHANGES_EVERY = 0.02
DRAIN = 4.0
"""Seconds over which a gateway closes its sockets."""
IN_A_TENTH = 0.3
"""The largest share of them that may be closed in a tenth of that. Evenly it is a tenth, but machines stutter."""
PAUSE = 1.0
"""Seconds that a device waits at most before it connects again."""
HISTORY = 10_000


@dataclass
class Device:
    """Follows a library through whatever gateway there is. `token` is where it stands."""

    listener: Listener
    token: str
    gateways: list[Gateway]
    opening: asyncio.Semaphore
    heard: list[str] = field(default_factory=list)
    """The token of every change, in the order in which they came."""
    followed_on: list[tuple[str, str]] = field(default_factory=list)
    """For each delta, where the device stood, and what the delta follows on."""
    closed: list[tuple[float, int]] = field(default_factory=list)
    """When its sockets were closed, and with which code."""
    stream: Stream | None = None

    def take(self, delta: Any, _: float) -> None:
        self.followed_on.append((self.token, delta["since"]))
        self.heard += [change["syncToken"] for change in delta["changes"]]
        self.token = delta["syncToken"]

    async def follow(self) -> None:
        while True:
            with suppress(OSError, TimeoutError):
                async with self.opening:
                    url = random.choice(self.gateways).url
                    self.stream = await Stream.open(url, self.listener.session, self.token, self.take)
                code = await asyncio.shield(self.stream.closed)
                self.closed.append((time.monotonic(), code))
            await asyncio.sleep(random.uniform(0, PAUSE))

    @property
    def broken(self) -> list[tuple[str, str]]:
        return [(stood, since) for stood, since in self.followed_on if stood != since]


@dataclass
class Fleet:
    """Gateways that take connections, and the devices that follow libraries through them."""

    gateways: list[Gateway]
    devices: list[Device]

    async def all_follow(self) -> None:
        """Wait until every device has its subscription."""

        async def is_so() -> bool:
            running = [await gateway.counted("open_subscriptions") for gateway in self.gateways]
            return sum(running) == len(self.devices)

        await eventually(is_so, 30)

    async def end_first(self) -> list[float]:
        """End a gateway as an orchestrator does; how long after the signal each of its sockets was closed."""
        ended = self.gateways.pop(0)
        count, closes = await ended.counted("open_sockets"), {id(each): len(each.closed) for each in self.devices}
        signalled = time.monotonic()
        ended.command.process.send_signal(signal.SIGTERM)
        assert await ended.command.status(30) == 0, ended.command.said
        await self.all_follow()
        closed = [each for device in self.devices for each in device.closed[closes[id(device)] :]]
        assert [code for _, code in closed] == [RESTART] * count
        return [at - signalled for at, _ in closed]


async def test_a_rolling_restart_loses_nothing(own_settings: Settings, tmp_path: Path) -> None:
    await migrate(str(own_settings.database_url))
    async with open_sources(own_settings) as sources, AsyncExitStack() as running:

        async def start(name: str) -> Gateway:
            variables = {"DRAIN_SECONDS": str(DRAIN), "JOBS": "false"}
            return await running.enter_async_context(serving(own_settings, tmp_path / name, **variables))

        (track,) = await add_tracks(sources, 1)
        fleet = Fleet(list(await asyncio.gather(start("first"), start("second"))), [])
        async with following(sources, fleet), changing(sources, fleet, track):
            for name in ("first again", "second again"):
                moments = await fleet.end_first()
                assert len(moments) >= len(fleet.devices) // 3
                assert largest_share(moments) <= IN_A_TENTH
                fleet.gateways.append(await start(name))

        assert sum(len(device.heard) for device in fleet.devices) > 0
        for device in fleet.devices:
            assert device.broken == []
            assert device.heard == await history_of(sources, device.listener)


@asynccontextmanager
async def following(sources: Sources, fleet: Fleet) -> AsyncIterator[None]:
    """Devices follow their libraries inside the block, and know all of it in the end."""
    opening = asyncio.Semaphore(OPENING)
    for _ in range(LISTENERS):
        listener = await add_listener(sources)
        history = await read_history(sources.database, listener.user_id, 0, 1)
        token = encode_token(0, history.token_key)
        fleet.devices += [Device(listener, token, fleet.gateways, opening) for _ in range(DEVICES_EACH)]
    tasks = [asyncio.create_task(device.follow()) for device in fleet.devices]
    try:
        await fleet.all_follow()
        yield
        await eventually(lambda: caught_up(sources, fleet.devices), 30)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        streams = [device.stream for device in fleet.devices if device.stream]
        for stream in streams:
            stream.abort()
        await asyncio.gather(*(stream.closed for stream in streams))


@asynccontextmanager
async def changing(sources: Sources, fleet: Fleet, track: UUID) -> AsyncIterator[None]:
    """Libraries change all the time inside the block."""

    async def change() -> None:
        while True:
            await turn(sources, random.choice(fleet.devices).listener, track)
            await asyncio.sleep(CHANGES_EVERY)

    changes = asyncio.create_task(change())
    try:
        yield
    finally:
        changes.cancel()
        with suppress(asyncio.CancelledError):
            await changes


async def caught_up(sources: Sources, devices: Sequence[Device]) -> bool:
    listeners = {device.listener for device in devices}
    positions = await library_heads(sources.database, [listener.user_id for listener in listeners])
    heads = {}
    for listener in listeners:
        history = await read_history(sources.database, listener.user_id, positions[listener.user_id], 1)
        heads[listener] = encode_token(history.position, history.token_key)
    return all(device.token == heads[device.listener] for device in devices)


async def history_of(sources: Sources, listener: Listener) -> list[str]:
    """The tokens of all changes of a library, as the database has them."""
    history = await read_history(sources.database, listener.user_id, 0, HISTORY)
    return [encode_token(change.sync_token, history.token_key) for change in history.changes]


def largest_share(moments: Sequence[float]) -> float:
    """Of these moments, the share of the fullest tenth of the drain."""
    tenths = Counter(min(9, int(10 * moment / DRAIN)) for moment in moments)
    return max(tenths.values()) / len(moments)
