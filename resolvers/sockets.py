"""Connections to the graph that last: they end when the session that opened them does, and before the process does."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from datasources.metrics import OPEN_SOCKETS
from datasources.sources import Sources
from domain.errors import Unavailable
from resolvers.live import streams_of

SESSION_ENDED = 4401
"""The close code for "sign in again", which graphql-transport-ws clients do not retry by themselves."""
RESTART = 1012
"""The close code for "connect again": RFC 6455's registry calls it Service Restart."""
LAST_WORDS = 1.0
"""Seconds that the streams of an ended session get to say so."""
CLOSING_LIMIT = 2.0
"""Seconds that sockets get to close in, after the last of them was told to."""
PAUSE = 0.02


class Sockets:
    """The websockets of this process, and its streams over HTTP."""

    def __init__(self, sources: Sources) -> None:
        self._sessions = sources.sessions
        self._scopes: dict[int, Scope] = {}
        self._by_session: defaultdict[str, set[WebSocket]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._drained_by = 0.0
        self.draining = False
        """Whether the process is about to end."""
        sources.news.subscribe(self._heard)

    @contextmanager
    def serving(self, scope: Scope) -> Iterator[None]:
        """Know of the connection inside the block."""
        self._scopes[id(scope)] = scope
        try:
            yield
        finally:
            del self._scopes[id(scope)]
            if socket := scope.get("segue.socket"):
                self._remove(socket)

    def add(self, socket: WebSocket) -> None:
        """It has been opened, by nobody knows whom yet."""
        socket.scope["segue.socket"] = socket
        OPEN_SOCKETS.inc()
        if self.draining:
            self._close_in_time(socket)

    def sign_in(self, socket: WebSocket, session_key: str) -> None:
        """It is a session's, and closed when that ends."""
        socket.scope["segue.session"] = session_key
        self._by_session[session_key].add(socket)

    async def drain(self, seconds: float) -> None:
        """Close every socket and end every stream, at moments spread over the time; return when all are gone."""
        loop = asyncio.get_running_loop()
        self.draining, self._drained_by = True, loop.time() + seconds
        for scope in list(self._scopes.values()):
            if socket := scope.get("segue.socket"):
                self._close_in_time(socket)
            for stream in [] if socket else streams_of(scope):
                loop.call_later(random.uniform(0, seconds), stream.stop)
        while self._lasting() and loop.time() < self._drained_by + CLOSING_LIMIT:
            await asyncio.sleep(PAUSE)

    def _lasting(self) -> bool:
        return any("segue.socket" in scope or scope.get("segue.streams") for scope in self._scopes.values())

    def _close_in_time(self, socket: WebSocket) -> None:
        loop = asyncio.get_running_loop()
        moment = random.uniform(0, max(0.0, self._drained_by - loop.time()))
        loop.call_later(moment, lambda: self._start(close(socket, RESTART, "The server restarts; connect again.")))

    def _remove(self, socket: WebSocket) -> None:
        OPEN_SOCKETS.dec()
        if session_key := socket.scope.get("segue.session"):
            self._by_session[session_key].discard(socket)
            if not self._by_session[session_key]:
                del self._by_session[session_key]

    def _heard(self, session_key: str | None) -> None:
        """A session changed, or any may have: see which of ours are still there."""
        ours = self._by_session if session_key is None else self._by_session.keys() & {session_key}
        if ours:
            self._start(self._end_those_that_ended(list(ours)))

    async def _end_those_that_ended(self, session_keys: Iterable[str]) -> None:
        for key in session_keys:
            try:
                if await self._sessions.is_alive(key):
                    continue
            except Unavailable:
                return  # the next news, once there are any, has all of them looked at
            for socket in tuple(self._by_session.get(key, ())):
                self._start(end(socket))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def end(socket: WebSocket) -> None:
    """Close the socket of a session that has ended, after its streams have said so."""
    streams = dict(streams_of(socket.scope))
    for stream in streams:
        stream.revoke()
    if tasks := [task for task in streams.values() if task]:
        await asyncio.wait(tasks, timeout=LAST_WORDS)
    await close(socket, SESSION_ENDED, "The session has ended; sign in again.")


async def close(socket: WebSocket, code: int, reason: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):  # it may have closed by itself
        await socket.close(code, reason)
