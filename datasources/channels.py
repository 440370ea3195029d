"""Channels of Valkey: one connection a process, on which channels are subscribed to and left while it is read.

One coroutine reads the connection and another one writes it. At most one command about a channel is on its way: what
is wanted meanwhile is settled when the server has confirmed, so that no confirmation is taken for another one's.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto
from itertools import islice

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer

log = structlog.get_logger("segue.channels")

SILENCE_LIMIT = 2.0
"""Seconds without any answer after which the connection counts as broken. A quiet one is asked to answer."""
PAUSE = 0.1
"""Seconds before it is opened again."""
CHUNK = 500
"""Channels of one command: each is confirmed by a message, and others have to wait for none of them long."""

Listener = Callable[[str | None], None]
"""Called with a message, or with None when messages of the channel may have been missed."""


class Wire(Enum):
    """What the server has last been told about a channel; nothing about the others."""

    ASKED = auto()
    HEARD = auto()
    LEAVING = auto()


class Channels:
    """Listens while `listen` runs."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey
        self._database = valkey.connection_pool.connection_kwargs.get("db") or 0
        # By a key of each subscription: one listener may have several.
        self._listeners: dict[str, dict[object, Listener]] = {}
        self._wire: dict[str, Wire] = {}
        self._unsettled: set[str] = set()
        self._connection: AbstractConnection | None = None
        self._ping = False
        self._to_write = asyncio.Event()

    def name(self, subject: str) -> str:
        """The channel of a subject. Databases of one server share its channels."""
        return f"{subject}:{self._database}"

    def is_heard(self, channel: str) -> bool:
        """Whether no message of the channel is missed just now."""
        return self._wire.get(channel) is Wire.HEARD

    def subscribe(self, channel: str, listener: Listener) -> Callable[[], None]:
        """Have `listener` called from here on; returns what ends that.

        Unless the channel is heard already, `listener` is called with None once it is.
        """
        key = object()
        listeners = self._listeners.setdefault(channel, {})
        listeners[key] = listener
        if len(listeners) == 1:
            self._settle(channel)

        def unsubscribe() -> None:
            if listeners.pop(key, None) and not listeners:
                del self._listeners[channel]
                self._settle(channel)

        return unsubscribe

    async def listen(self) -> None:
        """Listen for ever, connecting again whenever the connection breaks."""
        while True:
            connection: AbstractConnection | None = None
            try:
                connection = await self._valkey.connection_pool.get_connection()  # type: ignore[no-untyped-call]
                await self._use(connection)
            except (RedisError, OSError):
                pass
            except Exception as error:
                log.error("channels.failed", exc_info=error)
            finally:
                self._wire.clear()
                if connection is not None:
                    await connection.disconnect(nowait=True)
                    await self._valkey.connection_pool.release(connection)
            await asyncio.sleep(PAUSE)

    async def _use(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._unsettled = set(self._listeners)
        self._ping = False
        self._to_write.set()
        writing = asyncio.create_task(self._write(connection))
        try:
            await self._read(connection)
        finally:
            # Sending can lose a cancellation too; the writer then sees that its connection is given up.
            self._connection = None
            self._to_write.set()
            writing.cancel()
            # What breaks the writer breaks the connection, which the reader tells.
            await asyncio.gather(writing, return_exceptions=True)

    async def _read(self, connection: AbstractConnection) -> None:
        while True:
            try:
                # The connection's own timeout: one of asyncio's around it can lose a cancellation (Python 3.11).
                message = await connection.read_response(
                    timeout=SILENCE_LIMIT, disconnect_on_error=False, push_request=True
                )
            except NoAnswer:
                message = None
            if message is not None:
                self._ping = False
                self._take(message)
            elif self._ping:
                raise NoAnswer("Valkey has not answered a ping.")
            else:
                self._ping = True
                self._to_write.set()

    async def _write(self, connection: AbstractConnection) -> None:
        while self._connection is connection:
            await self._to_write.wait()
            self._to_write.clear()
            if self._ping:
                await connection.send_command("PING")
            unsettled, self._unsettled = self._unsettled, set()
            joined = [each for each in unsettled if each in self._listeners and each not in self._wire]
            left = [each for each in unsettled if each not in self._listeners and self.is_heard(each)]
            self._wire.update(dict.fromkeys(joined, Wire.ASKED))
            self._wire.update(dict.fromkeys(left, Wire.LEAVING))
            for channels in chunks(joined):
                await connection.send_command("SUBSCRIBE", *channels)
            for channels in chunks(left):
                await connection.send_command("UNSUBSCRIBE", *channels)

    def _take(self, message: object) -> None:
        match message:
            case [b"message", bytes(channel), bytes(payload)]:
                self._tell(channel.decode(), payload.decode(errors="replace"))
            case [b"subscribe", bytes(channel), *_]:
                self._wire[channel.decode()] = Wire.HEARD
                self._tell(channel.decode(), None)
                self._settle(channel.decode())
            case [b"unsubscribe", bytes(channel), *_]:
                self._wire.pop(channel.decode(), None)
                self._settle(channel.decode())

    def _settle(self, channel: str) -> None:
        """Have the writer tell the server, unless it knows."""
        if (channel in self._listeners) != self.is_heard(channel):
            self._unsettled.add(channel)
            self._to_write.set()
        else:
            self._unsettled.discard(channel)

    def _tell(self, channel: str, payload: str | None) -> None:
        for listener in tuple(self._listeners.get(channel, {}).values()):
            with suppress(Exception):
                listener(payload)


def chunks(channels: list[str]) -> Iterator[list[str]]:
    rest = iter(channels)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
