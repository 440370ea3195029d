"""Channels that are joined and left while the connection is read, and while it breaks."""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from datasources.channels import Channels
from datasources.embedded.borrow import borrow
from datasources.sources import running
from datasources.valkey import open_valkey
from settings import Settings
from tests.fixtures.processes import eventually

MANY = 5_000


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Channels]:
    async with open_valkey(url) as valkey:
        channels = Channels(valkey)
        async with running(channels.listen()):
            yield channels


@pytest.fixture
async def channels(settings: Settings) -> AsyncIterator[Channels]:
    async with process(str(settings.redis_url)) as one:
        yield one


@pytest.fixture
def subject() -> str:
    return uuid4().hex


async def on_the_wire(valkey: Redis, channel: str) -> int:
    ((_, listening),) = await valkey.pubsub_numsub(channel)
    return int(listening)


async def test_a_channel_is_joined_with_its_first_listener_and_left_with_its_last(
    channels: Channels, valkey: Redis, subject: str
) -> None:
    one, other = channels.name(subject), channels.name(f"{subject} too")
    heard: dict[str, list[str | None]] = {"first": [], "second": [], "other": []}

    leave_first = channels.subscribe(one, heard["first"].append)
    leave_other = channels.subscribe(other, heard["other"].append)
    await eventually(lambda: channels.is_heard(one) and channels.is_heard(other))
    leave_second = channels.subscribe(one, heard["second"].append)
    assert await on_the_wire(valkey, one) == 1
    await valkey.publish(one, "a")
    await eventually(lambda: heard["second"])
    leave_first()
    leave_first()
    await valkey.publish(one, "b")
    await eventually(lambda: len(heard["second"]) == 2)

    assert heard == {"first": [None, "a"], "second": ["a", "b"], "other": [None]}
    assert await on_the_wire(valkey, one) == 1
    leave_second()
    leave_other()

    async def left() -> bool:
        return await on_the_wire(valkey, one) == await on_the_wire(valkey, other) == 0

    await eventually(left)
    await eventually(lambda: not channels._wire)
    assert not channels._listeners
    assert not channels._unsettled


async def test_a_listener_that_fails_is_no_other_ones_trouble(channels: Channels, valkey: Redis, subject: str) -> None:
    def fail(_: str | None) -> None:
        raise RuntimeError

    heard: list[str | None] = []
    channels.subscribe(channels.name(subject), fail)
    channels.subscribe(channels.name(subject), heard.append)
    await eventually(lambda: heard == [None])

    await valkey.publish(channels.name(subject), "a")

    await eventually(lambda: heard == [None, "a"])


async def test_another_databases_messages_are_not_heard(channels: Channels, settings: Settings, subject: str) -> None:
    heard: list[str | None] = []
    channels.subscribe(channels.name(subject), heard.append)
    await eventually(lambda: heard == [None])
    elsewhere = urlunsplit(urlsplit(str(settings.redis_url))._replace(path="/14"))

    async with open_valkey(elsewhere) as valkey:
        for name in (Channels(valkey).name(subject), channels.name(subject)):
            await valkey.publish(name, name)

    await eventually(lambda: heard == [None, channels.name(subject)])


async def test_after_a_break_every_channel_is_heard_again(channels: Channels, valkey: Redis, subject: str) -> None:
    heard: list[str | None] = []
    names = [channels.name(f"{subject} {number}") for number in range(MANY)]
    leave = [channels.subscribe(name, heard.append) for name in names]
    await eventually(lambda: len(heard) == MANY)

    began = time.perf_counter()
    await valkey.client_kill_filter(_type="pubsub")
    longest = 0.0
    while len(heard) < 2 * MANY:
        step = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - step)
    took = time.perf_counter() - began
    print(f"{MANY} channels heard again after {took * 1000:.0f} ms; the loop stood still {longest * 1000:.0f} ms")

    assert took < 2
    assert all(channels.is_heard(name) for name in names)
    assert set(heard) == {None}
    assert await valkey.publish(names[-1], "a") == 1
    await eventually(lambda: heard[-1] == "a")
    for each in leave:
        each()
    await eventually(lambda: not channels._wire)


async def test_joining_and_leaving_in_any_order_ends_as_wanted(channels: Channels, valkey: Redis, subject: str) -> None:
    """Also over breaks, with confirmations of the past still on their way."""
    chance = random.Random(7)
    names = [channels.name(f"{subject} {number}") for number in range(8)]
    wanted: dict[str, list[tuple[list[str | None], object]]] = {name: [] for name in names}

    async def change() -> None:
        for _ in range(400):
            name = chance.choice(names)
            if wanted[name] and chance.random() < 0.6:
                wanted[name].pop()[1]()  # type: ignore[operator]
            else:
                heard: list[str | None] = []
                wanted[name].append((heard, channels.subscribe(name, heard.append)))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.choice([0, 0, 0.0005]))
            if chance.random() < 0.005:
                await valkey.client_kill_filter(_type="pubsub")

    await asyncio.gather(*(change() for _ in range(5)))

    def settled() -> bool:
        return all(channels.is_heard(name) == bool(listeners) for name, listeners in wanted.items())

    await eventually(settled)
    await eventually(lambda: len(channels._wire) == sum(map(bool, wanted.values())))
    for name, listeners in wanted.items():
        assert await valkey.publish(name, "at last") == bool(listeners)
        everyone = [heard for heard, _ in listeners]
        await eventually(partial(all_heard, everyone))


def all_heard(everyone: list[list[str | None]]) -> bool:
    return all(heard[-1:] == ["at last"] for heard in everyone)


async def test_no_message_is_lost_or_out_of_order_while_others_join(
    channels: Channels, valkey: Redis, subject: str
) -> None:
    heard: list[str | None] = []
    channels.subscribe(channels.name(subject), heard.append)
    await eventually(lambda: heard == [None])

    async def publish() -> None:
        for number in range(2_000):
            await valkey.publish(channels.name(subject), str(number))

    async def join() -> None:
        for number in range(2_000):
            leave = channels.subscribe(channels.name(f"{subject} {number % 50}"), lambda _: None)
            await asyncio.sleep(0)
            leave()

    await asyncio.gather(publish(), join())

    await eventually(lambda: heard == [None, *map(str, range(2_000))])


async def test_what_is_joined_while_the_server_is_away_is_heard_later(tmp_path: Path, subject: str) -> None:
    async with (
        borrow("valkey", tmp_path / "valkey") as found,
        process(found["REDIS_URL"]) as channels,
        open_valkey(found["REDIS_URL"]) as valkey,
    ):
        before, meanwhile = channels.name(f"{subject} before"), channels.name(f"{subject} meanwhile")
        heard: list[str | None] = []
        channels.subscribe(before, heard.append)
        await eventually(lambda: heard == [None])

        # It hangs: nothing tells but its silence.
        server = json.loads((tmp_path / "valkey" / "pid").read_text())["pid"]
        os.kill(server, signal.SIGSTOP)
        try:
            await eventually(lambda: not channels.is_heard(before))
            leave = channels.subscribe(channels.name(f"{subject} in vain"), heard.append)
            channels.subscribe(meanwhile, heard.append)
            leave()
        finally:
            os.kill(server, signal.SIGCONT)

        await eventually(lambda: channels.is_heard(before) and channels.is_heard(meanwhile))
        assert heard == [None, None, None]
        await valkey.publish(meanwhile, "a")
        await eventually(lambda: heard[-1] == "a")
