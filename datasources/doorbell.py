"""A bell for each listener, rung when something of theirs has moved to a further position.

A ring is a hint: it may be lost, doubled or come late. Who watches reads the truth from where it is kept, and a look
at all that is watched, every few seconds, finds what no ring has told.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from datasources.channels import Channels
from domain.errors import Unavailable

CHECK_EVERY = 15.0
"""Seconds, give or take a fifth, so that processes which started together do not ask together."""
CHECK_CHUNK = 1_000
"""Listeners of one statement."""
UNSENT_KEPT = 10_000
"""Listeners whose rings wait for Valkey; when there are more, rings are lost."""

Heads = Callable[[list[UUID]], Awaitable[Mapping[UUID, int]]]
"""The present position of each of these listeners. Raises Unavailable."""

log = structlog.get_logger("segue.doorbell")


class Watch:
    """One who waits for a listener's bell."""

    __slots__ = ("_rung", "_waiter", "_woken", "seen")

    def __init__(self, seen: int) -> None:
        self.seen = seen
        """The position up to which the owner has delivered; the owner moves it."""
        self._rung = 0
        self._woken = False
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring or for `wake`, unless one has come since the last wait; whether there was a ring.

        A ring that `seen` has caught up with does not count.
        """
        if not self._woken and self._rung <= self.seen:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, self.wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        # Used up even if `seen` never gets there: a ring may promise more than there is.
        rung, self._rung, self._woken = self._rung > self.seen, 0, False
        return rung

    def ring(self, head: int) -> None:
        if head > self.seen:
            self._rung = max(self._rung, head)
            self.wake()

    def wake(self) -> None:
        """End the wait, or the next one."""
        self._woken = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)


class Doorbell:
    """Rings are sent to other processes while `publish` runs, and lost ones are found while `check` does."""

    def __init__(self, channels: Channels, valkey: Redis, name: str, heads: Heads) -> None:
        self._channels = channels
        self._valkey = valkey
        self._name = name
        self._heads = heads
        self._watches: dict[UUID, set[Watch]] = {}
        self._leave: dict[UUID, Callable[[], None]] = {}
        self._unsent: dict[UUID, int] = {}
        self._to_send = asyncio.Event()
        # Those whose rings may have been missed.
        self._doubted: set[UUID] = set()
        self._to_check = asyncio.Event()

    def channel(self, user_id: UUID) -> str:
        return self._channels.name(f"{self._name}:{user_id}")

    def ring(self, user_id: UUID, head: int) -> None:
        """Wake whoever watches: here at once, in other processes soon. Waits for nothing, raises nothing."""
        self._wake(user_id, head)
        if user_id in self._unsent or len(self._unsent) < UNSENT_KEPT:
            self._unsent[user_id] = max(head, self._unsent.get(user_id, head))
            self._to_send.set()

    @contextmanager
    def watch(self, user_id: UUID, seen: int) -> Iterator[Watch]:
        """Hear the listener's bell inside the block: what moves beyond `seen` is rung for, or found by the check."""
        watch = Watch(seen)
        if user_id not in self._watches:
            self._watches[user_id] = set()
            self._leave[user_id] = self._channels.subscribe(self.channel(user_id), partial(self._heard, user_id))
        self._watches[user_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[user_id].discard(watch)
            if not self._watches[user_id]:
                del self._watches[user_id]
                self._leave.pop(user_id)()

    async def publish(self) -> None:
        """Send rings to the other processes, for ever: one batch at a time, however long Valkey takes."""
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            rings, self._unsent = self._unsent, {}
            try:
                async with self._valkey.pipeline(transaction=False) as pipe:
                    for user_id, head in rings.items():
                        pipe.publish(self.channel(user_id), str(head))
                    await pipe.execute()
            except (RedisError, OSError):
                pass  # they are lost: the other processes' checks find what has moved
            except Exception as error:
                log.error("doorbell.failed", name=self._name, exc_info=error)

    async def check(self) -> None:
        """Look at everyone who is watched, now and then, and at once where rings may have been missed; for ever."""
        loop = asyncio.get_running_loop()
        next_round = loop.time() + pause()
        while True:
            timer = loop.call_at(next_round, self._to_check.set)
            try:
                await self._to_check.wait()
            finally:
                timer.cancel()
            self._to_check.clear()
            if loop.time() >= next_round:
                self._doubted.update(self._watches)
                next_round = loop.time() + pause()
            doubted, self._doubted = iter(self._doubted & self._watches.keys()), set()
            while some := list(islice(doubted, CHECK_CHUNK)):
                await self._wake_late(some)

    async def _wake_late(self, users: list[UUID]) -> None:
        try:
            heads = await self._heads(users)
        except Unavailable:
            return  # the next round asks again
        except Exception as error:
            log.error("doorbell.check_failed", name=self._name, exc_info=error)
            return
        for user_id, head in heads.items():
            self._wake(user_id, head)

    def _heard(self, user_id: UUID, head: str | None) -> None:
        if head is not None:
            self._wake(user_id, int(head))
        else:
            self._doubted.add(user_id)
            self._to_check.set()

    def _wake(self, user_id: UUID, head: int) -> None:
        for watch in self._watches.get(user_id, ()):
            watch.ring(head)


def pause() -> float:
    return CHECK_EVERY * random.uniform(0.8, 1.2)
