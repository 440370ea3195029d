"""The channel on which processes tell each other that a session changed or ended.

One connection a process. Messages may be lost while it is down, so every listener is told when it is up again to
forget what it knows, and `heard` says whether it can be relied on now.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer

SILENCE_LIMIT = 2.0
"""Seconds without any answer after which the connection counts as broken. A quiet one is asked to answer."""
PAUSE = 0.1

Listener = Callable[[str | None], None]
"""Called with the key of a session that changed, or with None when any may have."""


class SessionNews:
    """Listens while `listen` runs."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey
        self._listeners: set[Listener] = set()
        # Databases of one server share its channels.
        self.channel = f"sessions:{valkey.connection_pool.connection_kwargs.get('db') or 0}"
        self.heard = False

    def subscribe(self, listener: Listener) -> None:
        self._listeners.add(listener)

    async def listen(self) -> None:
        """Listen for ever, connecting again whenever the connection breaks."""
        while True:
            connection: AbstractConnection | None = None
            try:
                connection = await self._valkey.connection_pool.get_connection()  # type: ignore[no-untyped-call]
                await self._read(connection)
            except (RedisError, OSError):
                pass
            finally:
                self.heard = False
                if connection is not None:
                    await connection.disconnect(nowait=True)
                    await self._valkey.connection_pool.release(connection)
            await asyncio.sleep(PAUSE)

    async def _read(self, connection: AbstractConnection) -> None:
        await connection.send_command("SUBSCRIBE", self.channel)
        asked = False
        while True:
            try:
                # The connection's own timeout: one of asyncio's around it can lose a cancellation (Python 3.11).
                message = await connection.read_response(
                    timeout=SILENCE_LIMIT, disconnect_on_error=False, push_request=True
                )
            except NoAnswer:
                if asked:
                    raise
                asked = True
                await connection.send_command("PING")
                continue
            asked = False
            self._take(message)

    def _take(self, message: object) -> None:
        match message:
            case [b"subscribe", *_]:
                self.heard = True
                self._tell(None)
            case [b"message", _, bytes(key)]:
                self._tell(key.decode())

    def _tell(self, key: str | None) -> None:
        for listener in tuple(self._listeners):
            with suppress(Exception):
                listener(key)
