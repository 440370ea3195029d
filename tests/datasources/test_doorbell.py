"""The bell over several processes: rings that come, are lost, doubled or late, and the check that finds the rest.

Two doorbells with a connection each stand for two processes; `Positions` for the database that both read.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from redis.asyncio import Redis

from datasources import doorbell
from datasources.channels import Channels
from datasources.doorbell import CHECK_CHUNK, UNSENT_KEPT, Doorbell, Watch
from datasources.embedded.borrow import borrow
from datasources.sources import Sources, running
from datasources.valkey import open_valkey
from domain.errors import Unavailable
from domain.ids import new_id
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.processes import eventually

LONG = 60.0
"""Seconds. Whoever waits so long fails the test."""


@dataclass
class Positions:
    heads: Counter[UUID] = field(default_factory=Counter)
    asked: list[int] = field(default_factory=list)
    """How many listeners each statement was about."""
    failures: list[Exception] = field(default_factory=list)
    """What the next statements raise."""

    async def read(self, users: list[UUID]) -> Mapping[UUID, int]:
        self.asked.append(len(users))
        if self.failures:
            raise self.failures.pop()
        await asyncio.sleep(0)
        return {user: self.heads[user] for user in users}


@asynccontextmanager
async def process(url: str, positions: Positions) -> AsyncIterator[Doorbell]:
    async with open_valkey(url) as valkey:
        channels = Channels(valkey)
        bell = Doorbell(channels, valkey, "test", positions.read)
        async with running(channels.listen(), bell.publish(), bell.check()):
            yield bell


@pytest.fixture
def positions() -> Positions:
    return Positions()


@pytest.fixture
async def two(settings: Settings, positions: Positions) -> AsyncIterator[tuple[Doorbell, Doorbell]]:
    async with process(str(settings.redis_url), positions) as one, process(str(settings.redis_url), positions) as other:
        yield one, other


@pytest.fixture
def user() -> UUID:
    return new_id()


async def heard(bell: Doorbell, user: UUID, positions: Positions) -> None:
    """Until the channel is heard, and the look that follows is over."""
    await eventually(lambda: bell._channels.is_heard(bell.channel(user)) and positions.asked)


async def rung(watch: Watch) -> bool:
    began = time.monotonic()
    answer = await watch.wait(LONG)
    assert time.monotonic() - began < LONG / 2
    return answer


async def test_a_ring_wakes_every_watch_of_the_listener_here_and_elsewhere(
    two: tuple[Doorbell, Doorbell], user: UUID, positions: Positions
) -> None:
    one, other = two
    with one.watch(user, 0) as here, one.watch(user, 0) as beside, other.watch(user, 0) as there:
        await heard(other, user, positions)
        with other.watch(new_id(), 0) as stranger:
            one.ring(user, 1)

            assert all(await asyncio.gather(rung(here), rung(beside), rung(there)))
            assert not await stranger.wait(0)


async def test_a_ring_before_the_wait_is_not_lost(two: tuple[Doorbell, Doorbell], user: UUID) -> None:
    with two[0].watch(user, 0) as watch:
        two[0].ring(user, 1)

        assert await watch.wait(0)
        # And it is used up, though `seen` did not move: what it promised may not be there.
        assert not await watch.wait(0)


async def test_a_ring_for_what_has_been_seen_wakes_nobody(
    two: tuple[Doorbell, Doorbell], user: UUID, positions: Positions
) -> None:
    one, other = two
    with one.watch(user, 7) as watch:
        await heard(one, user, positions)
        for head in (7, 3, 0):
            other.ring(user, head)
            one.ring(user, head)
        assert not await watch.wait(0.2)

        one.ring(user, 8)
        watch.seen = 8  # it was read meanwhile
        assert not await watch.wait(0.05)


async def test_somebody_else_may_end_the_wait(two: tuple[Doorbell, Doorbell], user: UUID) -> None:
    with two[0].watch(user, 0) as watch:
        waiting = asyncio.create_task(rung(watch))
        await asyncio.sleep(0)
        watch.wake()
        assert not await waiting
        watch.wake()
        assert not await rung(watch)


async def test_a_lost_ring_is_found_by_the_check(
    settings: Settings, user: UUID, positions: Positions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "CHECK_EVERY", 0.3)
    async with process(str(settings.redis_url), positions) as one:
        with one.watch(user, 0) as watch:
            await heard(one, user, positions)
            assert not await watch.wait(0.1)

            positions.failures = [Unavailable("not now"), RuntimeError("nor now")]
            positions.heads[user] = 1

            assert await rung(watch)
            assert not positions.failures


async def test_without_ring_and_check_nobody_wakes(
    two: tuple[Doorbell, Doorbell], user: UUID, positions: Positions
) -> None:
    """The control: there is nothing else that wakes."""
    with two[0].watch(user, 0) as watch:
        await heard(two[0], user, positions)
        positions.heads[user] = 1

        assert not await watch.wait(0.5)


async def test_a_ring_before_the_channel_is_heard_is_found(
    two: tuple[Doorbell, Doorbell], positions: Positions
) -> None:
    one, other = two
    for _ in range(50):
        user = new_id()
        with one.watch(user, 0) as watch:
            positions.heads[user] = 1
            other.ring(user, 1)
            assert await rung(watch)


async def test_when_the_connection_is_back_what_was_missed_is_found(
    two: tuple[Doorbell, Doorbell], user: UUID, positions: Positions, valkey: Redis
) -> None:
    with two[0].watch(user, 0) as watch:
        await heard(two[0], user, positions)
        positions.heads[user] = 1
        waiting = asyncio.create_task(rung(watch))

        began = time.monotonic()
        await valkey.client_kill_filter(_type="pubsub")

        assert await waiting
        assert time.monotonic() - began < 2


async def test_one_statement_asks_for_many(two: tuple[Doorbell, Doorbell], positions: Positions, valkey: Redis) -> None:
    many = 2 * CHECK_CHUNK + 1
    users = [new_id() for _ in range(many)]
    with ExitStack() as stack:
        watches = [stack.enter_context(two[0].watch(user, 0)) for user in users]
        await eventually(lambda: sum(positions.asked) >= many)
        assert len(positions.asked) < many / 50
        positions.asked.clear()
        positions.heads.update(users)

        two[0]._doubted.update(users)
        two[0]._to_check.set()

        assert all(await asyncio.gather(*map(rung, watches)))
        assert positions.asked == [CHECK_CHUNK, CHECK_CHUNK, 1]


async def test_nothing_is_left_of_those_who_have_gone(
    two: tuple[Doorbell, Doorbell], user: UUID, positions: Positions, valkey: Redis
) -> None:
    bell = two[0]
    with bell.watch(user, 0), bell.watch(user, 0):
        await heard(bell, user, positions)
    with pytest.raises(ZeroDivisionError), bell.watch(user, 0):
        _ = 1 / 0

    assert not bell._watches
    assert not bell._leave
    assert not bell._channels._listeners

    async def left() -> bool:
        return (await valkey.pubsub_numsub(bell.channel(user)))[0][1] == 0

    await eventually(left)


async def test_a_cancelled_wait_leaves_nothing(two: tuple[Doorbell, Doorbell], user: UUID) -> None:
    with two[0].watch(user, 0) as watch:
        waiting = asyncio.create_task(watch.wait(LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        two[0].ring(user, 1)
        assert await rung(watch)


async def test_a_ring_waits_for_nothing_when_valkey_hangs(tmp_path: Path, user: UUID, positions: Positions) -> None:
    async with borrow("valkey", tmp_path / "valkey") as found, process(found["REDIS_URL"], positions) as bell:
        with bell.watch(user, 0) as watch:
            await heard(bell, user, positions)
            server = json.loads((tmp_path / "valkey" / "pid").read_text())["pid"]
            tasks = len(asyncio.all_tasks())
            os.kill(server, signal.SIGSTOP)
            try:
                began = time.perf_counter()
                for number in range(10):
                    for _ in range(3_000):
                        bell.ring(new_id(), 1)
                    bell.ring(user, number + 1)
                    assert await watch.wait(0)
                print(f"30 000 rings took {time.perf_counter() - began:.2f} s")
                assert time.perf_counter() - began < 1.5
                assert len(bell._unsent) <= UNSENT_KEPT
                assert len(asyncio.all_tasks()) <= tasks + 2
                await eventually(lambda: not bell._channels.is_heard(bell.channel(user)))
            finally:
                os.kill(server, signal.SIGCONT)

            async with process(found["REDIS_URL"], positions) as other:

                async def arrives() -> bool:
                    other.ring(user, random.randrange(100, 1_000_000))
                    return await watch.wait(0.1)

                await eventually(arrives)
            await eventually(lambda: not bell._unsent)


async def test_everyone_gets_everything_though_rings_are_lost_doubled_and_late(
    settings: Settings, positions: Positions, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "CHECK_EVERY", 0.2)
    url, chance = str(settings.redis_url), random.Random(3)
    users = [new_id() for _ in range(5)]
    async with process(url, positions) as one, process(url, positions) as other:

        async def change(user: UUID) -> None:
            for _ in range(200):
                await asyncio.sleep(chance.choice([0, 0.001]))
                positions.heads[user] += 1
                if chance.random() < 0.5:
                    for head in chance.choices(range(positions.heads[user] + 1), k=2):
                        chance.choice([one, other]).ring(user, head)
                if chance.random() < 0.01:
                    await valkey.client_kill_filter(_type="pubsub")

        async def follow(bell: Doorbell, user: UUID) -> None:
            with bell.watch(user, 0) as watch:
                while watch.seen < 200:
                    if await watch.wait(LONG):
                        await asyncio.sleep(0)
                        watch.seen = positions.heads[user]

        began = time.monotonic()
        followers = [follow(bell, user) for user in users for bell in (one, other, one)]
        await asyncio.gather(*map(change, users), *followers)
        assert time.monotonic() - began < LONG / 2


async def test_the_librarys_bell_asks_the_database_once_for_many(
    sources: Sources, client: Client, settings: Settings
) -> None:
    users = []
    connection = await asyncpg.connect(str(settings.database_url))
    for head in (3, 4):
        name = await client.sign_in()
        (user,) = [row[0] for row in await connection.fetch("SELECT id FROM users WHERE username = $1", name)]
        await connection.execute(
            "INSERT INTO libraries (user_id, head) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET head = $2",
            user,
            head,
        )
        users.append(UUID(str(user)))
    await connection.close()

    assert await sources.library_bell._heads([*users, new_id()]) == {users[0]: 3, users[1]: 4}
    with sources.library_bell.watch(users[1], 0) as watch:
        assert await rung(watch)
