"""How a gateway ends: not ready at once, sockets closed bit by bit, requests answered to the last. Real processes."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from resolvers.sockets import RESTART
from settings import Settings
from tests.fixtures.processes import Command, environment, eventually, segue

WINDOW = 3.0
SOCKETS = 60
GENRES = "{ genres { name } }"
REGISTER = """
    mutation {
      register(username: "drained", password: "correct horse battery", displayName: "A listener") { token }
    }
"""
LIVE = "subscription { libraryChanged { hasMore } }"


@dataclass
class Gateway:
    command: Command
    url: str

    @property
    def ready_url(self) -> str:
        return self.url.replace("/graphql", "/readyz")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.command.process.send_signal(how)

    async def ready(self) -> tuple[int, Any]:
        async with httpx.AsyncClient() as web:
            answer = await web.get(self.ready_url)
        return answer.status_code, answer.json()

    async def ask(self, query: str, token: str = "") -> Any:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"} if token else {}) as web:
            return (await web.post(self.url, json={"query": query})).json()["data"]

    def socket(self) -> connect:
        url = self.url.replace("http://", "ws://")
        return connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], ping_interval=None)


@contextmanager
def serving(settings: Settings, log: Path, drain_seconds: float) -> Iterator[Command]:
    own = settings.model_copy(update={"drain_seconds": drain_seconds, "port": 0})
    with segue("serve", log=log, **environment(own)) as command:
        yield command


async def ready(command: Command) -> Gateway:
    said = await command.says("Segue serves ")
    gateway = Gateway(command, said.split("Segue serves ")[1].split()[0])

    async def answers() -> bool:
        return (await gateway.ready())[0] == 200

    await eventually(answers)
    return gateway


async def opened(websocket: ClientConnection, token: str = "") -> ClientConnection:
    payload = {"authorization": f"Bearer {token}"} if token else {}
    await websocket.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await websocket.recv())["type"] == "connection_ack"
    return websocket


async def closed(websocket: ClientConnection) -> tuple[int | None, str, float]:
    """The code, the reason and the moment that a socket is closed with."""
    with suppress(ConnectionClosed):
        async for _ in websocket:
            pass
    return websocket.close_code, websocket.close_reason or "", time.monotonic()


async def test_sockets_are_closed_over_the_window_while_requests_are_answered(
    own_settings: Settings, tmp_path: Path
) -> None:
    with serving(own_settings, tmp_path / "log", WINDOW) as command:
        gateway = await ready(command)
        token = (await gateway.ask(REGISTER))["register"]["token"]
        async with AsyncExitStack() as stack:
            websockets = [await stack.enter_async_context(gateway.socket()) for _ in range(SOCKETS)]
            # Some have not said who they are yet, some are nobody's, some are a listener's who follows their library.
            for websocket in websockets[20:]:
                await opened(websocket, token if websocket in websockets[40:] else "")
            for websocket in websockets[40:]:
                message = {"id": "1", "type": "subscribe", "payload": {"query": LIVE}}
                await websocket.send(json.dumps(message))
            assert await gateway.ready() == (200, {"ready": True, "draining": False, "failing": []})

            began = time.monotonic()
            gateway.stop()
            closing = [asyncio.create_task(closed(websocket)) for websocket in websockets]
            await eventually(not_ready(gateway), 1)
            assert time.monotonic() - began < 0.5
            late = await stack.enter_async_context(gateway.socket())
            closing.append(asyncio.create_task(closed(late)))
            while time.monotonic() - began < 0.6 * WINDOW:
                assert await gateway.ask(GENRES) == {"genres": []}
                assert await gateway.ready() == (503, {"ready": False, "draining": True, "failing": []})
                await asyncio.sleep(0.1)
            ended = await asyncio.gather(*closing)

        assert await command.status(10) == 0, command.said
        after = sorted(moment - began for _, _, moment in ended)
        print(f"{len(ended)} sockets were closed between {after[0]:.2f} and {after[-1]:.2f} s")
        assert {(code, reason) for code, reason, _ in ended} == {(RESTART, "The server restarts; connect again.")}
        assert after[-1] < WINDOW + 1
        for third in range(3):
            part = [moment for moment in after if third * WINDOW / 3 <= moment < (third + 1) * WINDOW / 3 + 0.1]
            assert len(part) > SOCKETS / 12
        assert "Traceback" not in command.said


def not_ready(gateway: Gateway) -> Any:
    async def check() -> bool:
        return (await gateway.ready())[0] == 503

    return check


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_without_sockets_it_ends_at_once(own_settings: Settings, tmp_path: Path, how: signal.Signals) -> None:
    with serving(own_settings, tmp_path / "log", 60) as command:
        gateway = await ready(command)
        async with gateway.socket() as websocket:
            await opened(websocket)

        async def gone() -> bool:
            async with httpx.AsyncClient() as web:
                return "open_sockets 0.0" in (await web.get(gateway.url.replace("/graphql", "/metrics"))).text

        await eventually(gone)
        began = time.monotonic()
        gateway.stop(how)
        assert await command.status(10) == 0
        print(f"ended after {time.monotonic() - began:.2f} s")
        assert time.monotonic() - began < 3
        assert "Traceback" not in command.said


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_wait(own_settings: Settings, tmp_path: Path, again: signal.Signals) -> None:
    with serving(own_settings, tmp_path / "log", 600) as command:
        gateway = await ready(command)
        async with gateway.socket() as websocket:
            await opened(websocket)
            gateway.stop(signal.SIGINT)
            await eventually(not_ready(gateway))
            await asyncio.sleep(0.5)
            assert command.process.poll() is None

            gateway.stop(again)

            assert (await closed(websocket))[0] == RESTART
            assert await command.status(10) == 0
        assert "Traceback" not in command.said


async def test_without_a_window_all_are_closed_at_once(own_settings: Settings, tmp_path: Path) -> None:
    with serving(own_settings, tmp_path / "log", 0) as command:
        gateway = await ready(command)
        async with gateway.socket() as one, gateway.socket() as other:
            await opened(one)
            began = time.monotonic()
            gateway.stop()
            ended = await asyncio.gather(closed(one), closed(other))
            assert {code for code, _, _ in ended} == {RESTART}
            assert max(moment for _, _, moment in ended) - began < 1
        assert await command.status(10) == 0


async def test_a_request_that_is_on_its_way_is_answered(own_settings: Settings, tmp_path: Path) -> None:
    with serving(own_settings, tmp_path / "log", 0) as command:
        gateway = await ready(command)
        address = urlsplit(gateway.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        body = json.dumps({"query": GENRES}).encode()
        head = ("POST /graphql HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}")
        writer.write("\r\n".join((*head, "", "")).encode() + body[:5])
        await writer.drain()
        await gateway.ready()  # by then, what was sent before has arrived

        gateway.stop()
        await eventually(refused(gateway))
        writer.write(body[5:])
        answer = await reader.read()
        writer.close()

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert json.loads(answer.split(b"\r\n\r\n")[1]) == {"data": {"genres": []}}
        assert await command.status(10) == 0


def refused(gateway: Gateway) -> Any:
    async def check() -> bool:
        try:
            await gateway.ready()
        except httpx.TransportError:
            return True
        return False

    return check


async def test_a_stream_over_http_ends_within_the_window(own_settings: Settings, tmp_path: Path) -> None:
    with serving(own_settings, tmp_path / "log", 1) as command:
        gateway = await ready(command)
        token = (await gateway.ask(REGISTER))["register"]["token"]
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(headers=headers, timeout=20) as web,
            web.stream("POST", gateway.url, json={"query": LIVE}) as answer,
        ):

            async def follows() -> bool:
                async with httpx.AsyncClient() as other:
                    metrics = (await other.get(gateway.url.replace("/graphql", "/metrics"))).text
                return 'open_subscriptions{field="libraryChanged"} 1.0' in metrics

            await eventually(follows)
            began = time.monotonic()
            gateway.stop()
            said = [line async for line in lines_of(answer)]
            assert time.monotonic() - began < 2
        assert "event: complete" in said
        assert await command.status(10) == 0
        assert "Traceback" not in command.said


async def lines_of(answer: httpx.Response) -> AsyncIterator[str]:
    async for line in answer.aiter_lines():
        yield line
