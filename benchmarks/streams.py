"""A light client of `libraryChanged`: thousands of sockets in one process, and hardly any work for a message.

`websockets`' own client has a task and a queue for each socket; this is its protocol without them.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN, SEND_EOF
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

FOLLOW = """subscription($since: SyncToken) { libraryChanged(since: $since) {
  since syncToken hasMore mustRefresh
  changes {
    syncToken type itemId playlistRevision
    item { id type addedAt updatedAt loved rating }
    playlistEdits { kind entryId trackId afterEntryId name }
  }
} }"""
"""What the reference device asks for, and each change's own token."""
OPEN_LIMIT = 60.0
SWITCHING = 101
ABNORMAL = 1006
"""What RFC 6455 calls the close code of a connection that was lost without one."""
QUIET = logging.getLogger("benchmarks.streams")

Taken = Callable[[Any, float], None]
"""Called with a delta, and with the moment (`time.perf_counter`) at which its bytes came."""


class Stream(asyncio.Protocol):
    """One subscription over one socket."""

    def __init__(self, url: str, session: str, since: str | None, take: Taken, deflate: bool) -> None:
        loop = asyncio.get_running_loop()
        self.subscribed: asyncio.Future[None] = loop.create_future()
        """Kept once the subscription has been asked for."""
        self.closed: asyncio.Future[int] = loop.create_future()
        """The close code."""
        self._session = session
        self._since = since
        self._take = take
        self._transport: asyncio.Transport | None = None
        self._protocol = ClientProtocol(
            parse_uri(url.replace("http", "ws", 1)),
            subprotocols=[Subprotocol("graphql-transport-ws")],
            extensions=[ClientPerMessageDeflateFactory()] if deflate else None,
            logger=QUIET,
        )

    @classmethod
    async def open(cls, url: str, session: str, since: str | None, take: Taken, *, deflate: bool = False) -> "Stream":
        """Connect, sign in with the token of a session, subscribe. Raises OSError and TimeoutError."""
        parts = urlsplit(url)
        stream = cls(url, session, since, take, deflate)
        await asyncio.get_running_loop().create_connection(lambda: stream, str(parts.hostname), parts.port or 80)
        try:
            await asyncio.wait_for(stream.subscribed, OPEN_LIMIT)
        except BaseException:
            stream.abort()
            raise
        return stream

    def abort(self) -> None:
        """Be gone, as a device without a network is."""
        if self._transport:
            self._transport.abort()

    def close(self) -> None:
        """Say good-bye, unless the other side has already."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(1000)
            self._flush()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response) and event.status_code == SWITCHING:
                self._send(type="connection_init", payload={"authorization": f"Bearer {self._session}"})
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._hear(msgspec.json.decode(bytes(event.data)), at)
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        received = self._protocol.close_rcvd
        self.closed.set_result(received.code if received else ABNORMAL)
        if not self.subscribed.done():
            self.subscribed.set_exception(
                ConnectionError(f"no subscription: {self._protocol.handshake_exc or 'closed'}")
            )

    def _hear(self, message: Any, at: float) -> None:
        match message:
            case {"type": "next", "payload": {"data": {"libraryChanged": delta}}}:
                self._take(delta, at)
            case {"type": "connection_ack"}:
                payload = {"query": FOLLOW, "variables": {"since": self._since}}
                self._send(id="1", type="subscribe", payload=payload)
                self.subscribed.set_result(None)
            case {"type": "complete" | "error"}:
                self.close()

    def _send(self, **message: Any) -> None:
        self._protocol.send_text(msgspec.json.encode(message))

    def _flush(self) -> None:
        assert self._transport
        for data in self._protocol.data_to_send():
            if data is SEND_EOF:
                self._transport.close()
            elif not self._transport.is_closing():
                self._transport.write(data)
