"""Devices over real sockets, while the gateways and Valkey under them are killed with -9, again and again."""

import asyncio
import json
import os
import random
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from benchmarks.device import Device, Http, NoAnswer, Refused
from benchmarks.local_library import Json
from datasources.embedded.borrow import borrow
from datasources.migrations import migrate
from datasources.sources import open_sources
from settings import Settings
from tests.fixtures.catalogue import own_database
from tests.fixtures.processes import Command, environment, eventually, segue
from tests.simulation.checks import Archive
from tests.simulation.history import CHANGING, Clock, History, Wire
from tests.simulation.stage import Call, Listener, Stage

DEVICES = 5
ANSWERS = 25
"""Changes that are acknowledged between two deaths, so that each comes in the middle of something."""
SLACK = timedelta(milliseconds=2)
"""The library's time may be a little ahead of everybody's: it never stands still."""
NEVER_ENDED = datetime.max.replace(tzinfo=UTC)


@dataclass
class Gateway:
    """A process that can be killed, and started again at the same address."""

    port: int
    variables: dict[str, str]
    folder: Path
    deaths: int = 0
    command: Command | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def start(self) -> None:
        log = self.folder / f"gateway-{self.port}-{self.deaths}"
        self.command = self._stack.enter_context(segue("serve", log=log, **self.variables, PORT=str(self.port)))
        await self.command.says("Segue serves ")

    async def die(self) -> None:
        """Killed with -9, which is how leaving the block ends a process."""
        assert self.is_alive(), "it died by itself"
        self._stack.close()
        self.deaths += 1

    def is_alive(self) -> bool:
        return self.command is not None and self.command.process.poll() is None

    def close(self) -> None:
        self._stack.close()


@dataclass
class Crossing(Wire):
    """A device's way to whichever gateway answers; it remembers everything that may have reached one."""

    gateways: tuple[str, ...] = ()
    told: int = 0
    """Deltas that streams brought."""

    async def ask(self, query: str, **variables: Any) -> Json:
        low, answer, high = datetime.now(UTC), None, NEVER_ENDED
        try:
            answer = await self.transport.ask(query, **variables)
            high = datetime.now(UTC) + SLACK
        except NoAnswer:
            self.go_elsewhere()
            raise
        except Refused:
            query = ""  # the server's word: nothing was done
            raise
        finally:
            if query in CHANGING:
                self.calls.append(Call(query, variables, answer, low, high))
        return answer

    async def listen(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        seen = variables["since"]
        try:
            async with aclosing(self.transport.listen(query, **variables)) as events:
                async for event in events:
                    delta = event["libraryChanged"]
                    assert delta["since"] == seen, "a stream went on from elsewhere than it had come to"
                    seen = delta["syncToken"]
                    self.told += 1
                    yield event
        except NoAnswer:
            self.go_elsewhere()
            raise

    def go_elsewhere(self) -> None:
        assert isinstance(self.transport, Http)
        self.transport.url = self.gateways[1 - self.gateways.index(self.transport.url)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
async def settings_on_fire(settings: Settings, tmp_path: Path) -> AsyncIterator[Settings]:
    """An empty database, and a Valkey that may be killed."""
    async with own_database(settings) as own, AsyncExitStack() as stack:
        url = (await stack.enter_async_context(borrow("valkey", tmp_path / "valkey")))["REDIS_URL"]
        await migrate(str(own.database_url))
        changed = {"redis_url": url, "rate_limit_library": 10**9, "jobs": False, "segue_data": tmp_path / "data"}
        yield own.model_copy(update=changed)


@asynccontextmanager
async def two_gateways(settings: Settings, folder: Path) -> AsyncIterator[list[Gateway]]:
    variables = environment(settings)
    del variables["PORT"]
    gateways = [Gateway(free_port(), variables, folder) for _ in range(2)]
    try:
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        yield gateways
    finally:
        for gateway in gateways:
            gateway.close()


async def test_what_is_acknowledged_survives_every_death(settings_on_fire: Settings, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    async with (
        open_sources(settings_on_fire) as sources,
        two_gateways(settings_on_fire, tmp_path) as gateways,
        httpx.AsyncClient(timeout=10) as web,
    ):
        chance = random.Random(seed)
        stage, listener = await Stage.of(sources), await Listener.new(sources)
        await flushed(sources.valkey)
        calls: list[Call] = []
        urls = tuple(gateway.url for gateway in gateways)
        wires = [
            Crossing(Http(web, chance.choice(urls), listener.token), listener.clock, calls, gateways=urls)
            for _ in range(DEVICES)
        ]
        devices = [Device(wire, Clock.of(chance), first=chance.choice((5, 500))) for wire in wires]
        archive = await Archive.of(sources, listener)
        history = History(stage, listener, chance, devices, [*wires], archive, chance.sample(stage.things, 4), calls)

        living = [asyncio.create_task(device.live()) for device in devices]
        acting = [asyncio.create_task(act(history, number)) for number in range(DEVICES)]
        await deaths(gateways, tmp_path, calls)
        for task in (*living, *acting):
            assert not task.done(), task.result()
            task.cancel()
        await asyncio.gather(*living, *acting, return_exceptions=True)

        try:
            await history.settle()
        except AssertionError as problem:
            raise AssertionError(f"{problem}\nwith seed {seed}, which does not say when who died") from problem
        lost = sum(call.answer is None for call in calls)
        print(f"{len(calls)} calls, {lost} answers lost, {sum(wire.told for wire in wires)} deltas by stream")
        assert lost
        assert any(wire.told for wire in wires)


async def act(history: History, number: int) -> None:
    """Change something, on the device or on the server, for ever."""
    while True:
        with suppress(NoAnswer, Refused):
            if history.chance.random() < 0.7:
                await history.change(number)
                await history.devices[number].sync()
            else:
                await history.online(number)
        await asyncio.sleep(history.chance.uniform(0, 0.1))  # as listeners do


async def deaths(gateways: list[Gateway], folder: Path, calls: list[Call]) -> None:
    """Everybody dies in turn, while changes go on being acknowledged."""

    async def acknowledged() -> None:
        enough = sum(call.answer is not None for call in calls) + ANSWERS
        await eventually(lambda: sum(call.answer is not None for call in calls) >= enough, 30)

    async def valkey_dies() -> None:
        killed = valkey_of(folder)
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: valkey_of(folder) != killed)

    async def both_start() -> None:
        await asyncio.gather(one.start(), other.start())

    one, other = gateways
    for step in (one.die, one.start, valkey_dies, other.die, one.die, both_start, valkey_dies):
        if one.is_alive() or other.is_alive():
            await acknowledged()
        await step()
    await acknowledged()


async def flushed(valkey: Redis) -> None:
    """Wait until what was written, the session, is on disk."""
    await valkey.execute_command("WAITAOF", 1, 0, 10_000)  # type: ignore[no-untyped-call]


def valkey_of(folder: Path) -> int:
    return int(json.loads((folder / "valkey" / "pid").read_text())["pid"])
