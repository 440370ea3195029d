"""The loop behind every subscription: watch, read until nothing is left, wait for the bell.

Catching up and following are the same: a stream is pulled from, reads only what it can send, and never skips what came
while it was not looking. A device that is slow falls behind in its own stream and nowhere else.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from starlette.types import Scope

from datasources.doorbell import Doorbell, Watch
from datasources.metrics import OPEN_SUBSCRIPTIONS
from datasources.sessions import Sessions
from domain.errors import NotSignedIn, Unavailable
from resolvers.context import Context, Info

LOOK_EVERY = 27.0
"""Seconds, give or take a tenth, after which a stream looks at its session, whether or not there was news."""
LOOKS_SPREAD = 2.0
"""Seconds in which all streams look at their sessions when news of any may have been missed."""


class Step(NamedTuple):
    """What was read: something to send or None, the position it reaches, whether more waits behind that."""

    value: Any
    seen: int
    more: bool


class Stream:
    """A subscription that is running: it can be told to stop, and finds out by itself when its session has ended."""

    __slots__ = ("_look_at", "_sessions", "revoked", "session_key", "stopped", "watch")

    def __init__(self, sessions: Sessions, session_key: str, watch: Watch) -> None:
        self._sessions = sessions
        self.session_key = session_key
        self.watch = watch
        self.stopped = False
        self.revoked = False
        self._look_at = later(LOOK_EVERY)

    def stop(self) -> None:
        """End it, as if its time were up."""
        self.stopped = True
        self.watch.wake()

    def revoke(self) -> None:
        """Its session is known to have ended."""
        self.revoked = True
        self.watch.wake()

    def doubt(self, session_key: str | None) -> None:
        """There is news of the session, or there may have been."""
        within = LOOKS_SPREAD * random.random() if session_key is None else 0
        self._look_at = min(self._look_at, time.monotonic() + within)
        self.watch.wake()

    async def look(self) -> None:
        """See whether the session is still there, if it is time to. Raises NotSignedIn when it has ended."""
        if not self.revoked and time.monotonic() >= self._look_at:
            self._look_at = later(LOOK_EVERY)
            with suppress(Unavailable):  # a store that is down ends nobody's stream
                self.revoked = not await self._sessions.is_alive(self.session_key)
        if self.revoked:
            raise NotSignedIn("The session has ended; sign in again.")

    async def wait(self, until: float) -> bool:
        """Wait for the bell, but not beyond `until` nor the next look; whether there is something to read."""
        return await self.watch.wait(max(0.0, min(until, self._look_at) - time.monotonic()))


async def follow(
    info: Info, bell: Doorbell, seen: int, read: Callable[[int], Awaitable[Step]]
) -> AsyncGenerator[Any, None]:
    """What `read` finds after the position `seen`, and then after that of each step, as it comes.

    Ends after the stream's lifetime, so that the device comes back with its token. Raises NotSignedIn without a
    session and when it ends, and what `read` raises; after Unavailable it reads again. A resolver returns this
    generator itself, or sees to its closing.
    """
    context = info.context
    session = await context.signed_in()
    ends = later(context.stream_lifetime)
    with (
        OPEN_SUBSCRIPTIONS.labels(info.field_name).track_inprogress(),
        bell.watch(session.user_id, seen) as watch,
        opened(context, Stream(context.sources.sessions, session.key, watch)) as stream,
    ):
        more = True
        while True:
            await stream.look()
            pass_on_cancellation()
            if stream.stopped or time.monotonic() >= ends:
                return
            if not more:
                more = await stream.wait(ends)
                continue
            context.renew()
            try:
                value, watch.seen, more = await read(watch.seen)
            except Unavailable as error:
                # Ending the stream would only have the device come back to a database that is busy or away.
                await asyncio.sleep((error.retry_after or 1) * random.uniform(0.5, 1.5))
                continue
            pass_on_cancellation()
            if value is not None:
                yield value


@contextmanager
def opened(context: Context, stream: Stream) -> Iterator[Stream]:
    """The stream among those of its connection, and listening for news of its session."""
    streams = streams_of(context.connection.scope)
    unsubscribe = context.sources.news.subscribe(stream.doubt, stream.session_key)
    # Over a websocket, what answers the operation: it is done when the stream's last message has been sent.
    streams[stream] = asyncio.current_task()
    # The session may have ended after it was looked up and before the news was listened for.
    stream.doubt(stream.session_key)
    try:
        yield stream
    finally:
        unsubscribe()
        del streams[stream]


def pass_on_cancellation() -> None:
    """End a task that was cancelled and did not notice: `asyncio.wait_for` can lose that in Python 3.11.

    redis-py sends through it. A stream whose device has gone would else go on for ever.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


def streams_of(scope: Scope) -> dict[Stream, "asyncio.Task[Any] | None"]:
    """The subscriptions that are running on a connection, each with its task."""
    streams: dict[Stream, asyncio.Task[Any] | None] = scope.setdefault("segue.streams", {})
    return streams


def later(seconds: float) -> float:
    """A moment after about that time: devices that came together should not come back together."""
    return time.monotonic() + seconds * random.uniform(0.9, 1.1)
