"""Sessions over several processes, and over a Valkey that goes away.

Two `Sessions` with a connection each stand for two processes: nothing but Valkey is between them.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from datasources.channels import Channels
from datasources.embedded.borrow import borrow
from datasources.session_news import SessionNews
from datasources.sessions import COPY_LIFE, Sessions, sessions_of
from datasources.sources import running
from datasources.valkey import open_valkey
from domain.accounts import Role, SubscriptionTier
from domain.errors import Unavailable
from domain.ids import new_id
from settings import Settings
from tests.fixtures.processes import eventually

TRIES = 200


@dataclass
class Listener:
    """As much of a listener's row as a session is made from."""

    id: UUID
    role: str = "USER"
    tier: str = "FREE"


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Sessions]:
    async with open_valkey(url) as valkey:
        channels = Channels(valkey)
        news = SessionNews(channels)
        async with running(channels.listen()):
            await eventually(lambda: news.heard)
            yield Sessions(valkey, news)


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[Sessions, Sessions]]:
    async with process(str(settings.redis_url)) as one, process(str(settings.redis_url)) as other:
        yield one, other


async def seconds_until(check: Any) -> float:
    started = time.perf_counter()
    while not await check():
        assert time.perf_counter() - started < COPY_LIFE, "only the copy's end brought the news"
        await asyncio.sleep(0)
    return time.perf_counter() - started


async def test_a_session_revoked_on_one_process_is_refused_by_the_other(two: tuple[Sessions, Sessions]) -> None:
    one, other = two
    waits = []
    for _ in range(TRIES):
        token, session = await one.start(Listener(new_id()), "phone")
        assert await other.find(token) == session

        async def refused(token: str = token) -> bool:
            return await other.find(token) is None

        assert await one.end(session.user_id, [session]) == 1
        waits.append(await seconds_until(refused))

    assert quantiles(waits, n=100)[98] < 1


async def test_new_rights_reach_the_other_process(two: tuple[Sessions, Sessions]) -> None:
    one, other = two
    waits = []
    listener = Listener(new_id())
    token, _ = await one.start(listener, "phone")
    for number in range(TRIES):
        tier = (SubscriptionTier.PREMIUM, SubscriptionTier.FREE)[number % 2]
        assert await other.find(token)
        await one.change_rights(listener.id, Role.USER, tier)

        async def arrived(tier: SubscriptionTier = tier) -> bool:
            session = await other.find(token)
            return session is not None and session.tier is tier

        waits.append(await seconds_until(arrived))

    assert quantiles(waits, n=100)[98] < 1


async def test_without_the_channel_a_copy_is_believed(two: tuple[Sessions, Sessions], valkey: Redis) -> None:
    """The control: there is a copy, and it is the message that drops it."""
    one, other = two
    token, session = await one.start(Listener(new_id()), "phone")
    assert await other.find(token)

    await valkey.delete(session.key)

    assert await other.find(token) == session


async def test_when_the_channel_breaks_no_copy_is_believed(two: tuple[Sessions, Sessions], valkey: Redis) -> None:
    one, other = two
    token, session = await one.start(Listener(new_id()), "phone")
    assert await other.find(token)
    await valkey.delete(session.key)

    await valkey.client_kill_filter(_type="pubsub")

    async def refused() -> bool:
        return await other.find(token) is None

    assert await seconds_until(refused) < 1


async def test_what_ends_while_it_is_read_is_not_kept(two: tuple[Sessions, Sessions]) -> None:
    one, other = two
    for _ in range(TRIES):
        token, session = await one.start(Listener(new_id()), "phone")

        await asyncio.gather(other.find(token), one.end(session.user_id, [session]), other.find(token))

        async def refused(token: str = token) -> bool:
            return await other.find(token) is None

        assert await seconds_until(refused) < 1


async def test_a_use_cannot_bring_an_ended_session_back(two: tuple[Sessions, Sessions], valkey: Redis) -> None:
    one, other = two
    for _ in range(50):
        token, session = await one.start(Listener(new_id()), "phone")
        await valkey.hset(session.key, "active", "2020-01-01T00:00:00+00:00")  # so that the use writes

        await asyncio.gather(other.find(token), one.end(session.user_id), one.find(token))

        assert not await valkey.exists(session.key, sessions_of(session.user_id))


async def test_an_outage_shorter_than_a_copys_life_is_not_noticed(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        url = (await stack.enter_async_context(borrow("valkey", tmp_path / "valkey")))["REDIS_URL"]
        sessions = await stack.enter_async_context(process(url))
        token, session = await sessions.start(Listener(new_id()), "phone")
        stranger, _ = await sessions.start(Listener(new_id()), "another phone")
        assert await sessions.find(token) == session

        server = server_of(tmp_path)
        os.kill(server, signal.SIGSTOP)
        try:
            assert await sessions.find(token) == session
            with pytest.raises(Unavailable) as refusal:
                await sessions.find(stranger)
            assert refusal.value.retry_after

            async def refused() -> bool:
                try:
                    return await sessions.find(token) is None
                except Unavailable:
                    return True

            await eventually(refused)
        finally:
            os.kill(server, signal.SIGCONT)

        async def back() -> bool:
            try:
                return await sessions.find(token) == session
            except Unavailable:
                return False

        await eventually(back)


async def test_a_killed_server_comes_back_with_its_sessions_under_load(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        url = (await stack.enter_async_context(borrow("valkey", tmp_path / "valkey")))["REDIS_URL"]
        processes = [await stack.enter_async_context(process(url)) for _ in range(2)]
        started = [await processes[0].start(Listener(new_id()), "phone") for _ in range(20)]
        await asyncio.sleep(
            1.1
        )  # the append-only file is flushed each second: this is what an acknowledgement waits for
        answers = {"right": 0, "unavailable": 0}
        stop = asyncio.Event()

        async def load(number: int) -> None:
            while not stop.is_set():
                token, session = started[number % len(started)]
                try:
                    assert await processes[number % 2].find(token) == session
                    answers["right"] += 1
                except Unavailable:
                    answers["unavailable"] += 1
                await asyncio.sleep(0.001)

        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(load(number))
            for _ in range(3):
                killed = server_of(tmp_path)
                os.kill(killed, signal.SIGKILL)

                def replaced(killed: int = killed) -> bool:
                    return server_of(tmp_path) != killed

                def served(enough: int = answers["right"] + 1000) -> bool:
                    return answers["right"] > enough

                await eventually(replaced)
                await eventually(served)
            stop.set()

        assert answers["right"] > 3000


def server_of(folder: Path) -> int:
    return int(json.loads((folder / "valkey" / "pid").read_text())["pid"])
