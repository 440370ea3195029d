"""Open websockets by the session that opened them, so that they end when it does."""

import asyncio
from collections import defaultdict

from starlette.websockets import WebSocket, WebSocketDisconnect

from datasources.metrics import OPEN_SOCKETS
from datasources.sources import Sources
from domain.errors import Unavailable

SESSION_ENDED = 4401
"""The close code for "sign in again", which graphql-transport-ws clients do not retry by themselves."""


class Sockets:
    """The sockets of this process."""

    def __init__(self, sources: Sources) -> None:
        self._sessions = sources.sessions
        self._open: defaultdict[str, set[WebSocket]] = defaultdict(set)
        self._closing: set[asyncio.Task[None]] = set()
        sources.news.subscribe(self._heard)

    def add(self, session_key: str, socket: WebSocket) -> None:
        self._open[session_key].add(socket)
        OPEN_SOCKETS.inc()

    def remove(self, session_key: str, socket: WebSocket) -> None:
        self._open[session_key].discard(socket)
        OPEN_SOCKETS.dec()
        if not self._open[session_key]:
            del self._open[session_key]

    def _heard(self, key: str | None) -> None:
        """A session changed, or any may have: see which of ours are still there."""
        for ours in list(self._open) if key is None else [key]:
            if ours in self._open:
                task = asyncio.create_task(self._close_if_ended(ours))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    async def _close_if_ended(self, key: str) -> None:
        try:
            if await self._sessions.is_alive(key):
                return
        except Unavailable:
            return  # the next news, once there are any, has all of them looked at
        for socket in tuple(self._open.get(key, ())):
            try:
                await socket.close(SESSION_ENDED, "The session has ended; sign in again.")
            except (RuntimeError, WebSocketDisconnect):
                continue  # it has closed by itself
