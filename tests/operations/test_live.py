"""Subscriptions over real sockets: a small graph of numbers stands for whatever is followed."""

import asyncio
import base64
import json
import os
import random
import signal
import socket
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from datasources.catalog import Batch
from datasources.database import counted
from datasources.embedded.borrow import borrow
from datasources.metrics import OPEN_SOCKETS, OPEN_SUBSCRIPTIONS, OPERATION_SECONDS
from datasources.sessions import Session, session_key
from datasources.sources import Sources, open_sources
from resolvers import live
from resolvers.context import Info
from resolvers.live import Step, follow
from resolvers.sockets import SESSION_ENDED
from routes import GraphView
from schema import Graph
from schema.operations import Operation
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.processes import eventually

heads: Counter[UUID] = Counter()
"""How many numbers there are for each listener."""
reads: defaultdict[str, list[Any]] = defaultdict(list)
"""For each device, where the statements of each of its reads are gathered."""
loads = 0


async def load(sources: Sources, keys: list[Any]) -> list[Any]:
    global loads
    loads += 1
    return [loads for _ in keys]


batch: Batch = load


@strawberry.type
class Number:
    n: int
    text: str

    @strawberry.field
    async def load(self, info: Info, key: int) -> int:
        return int(await info.context.load(batch, key))


@strawberry.type
class Query:
    head: int = 0


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(
        self, info: Info, since: int = 0, size: int = 0, device: str = "", fails: bool = False
    ) -> AsyncGenerator[Number, None]:
        session = await info.context.signed_in()

        async def read(seen: int) -> Step:
            reads[device].append(counted.get())
            if fails and seen == 1:
                raise RuntimeError("a secret")
            await asyncio.sleep(0)
            if seen >= heads[session.user_id]:
                return Step(None, seen, more=False)
            return Step(
                Number(n=seen + 1, text=base64.b64encode(os.urandom(size)).decode()),
                seen + 1,
                more=seen + 1 < heads[session.user_id],
            )

        return follow(info, info.context.sources.library_bell, since, read)


GRAPH = Graph(Query, subscription=Subscription, extensions=[Operation])


@dataclass
class Device:
    websocket: ClientConnection

    async def subscribe(self, id: str = "1", fields: str = "n", **arguments: Any) -> None:
        given = ", ".join(f"{name}: {json.dumps(value)}" for name, value in arguments.items())
        query = f"subscription {{ numbers{f'({given})' if given else ''} {{ {fields} }} }}"
        await self.send(id=id, type="subscribe", payload={"query": query})

    async def send(self, **message: Any) -> None:
        await self.websocket.send(json.dumps(message))

    async def receive(self) -> Any:
        return json.loads(await asyncio.wait_for(self.websocket.recv(), 20))

    async def number(self) -> int:
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return int(message["payload"]["data"]["numbers"]["n"])

    async def closed(self) -> int | None:
        """The code that the socket is closed with, before anything else is said."""
        with pytest.raises(ConnectionClosed) as ended:
            await self.receive()
        return ended.value.rcvd.code if ended.value.rcvd else None


@dataclass
class Gateway:
    sources: Sources
    port: int

    @classmethod
    @asynccontextmanager
    async def of(cls, sources: Sources, settings: Settings) -> AsyncIterator["Gateway"]:
        view = GraphView(sources, settings)
        view.schema = GRAPH
        app = Starlette(routes=[Route("/graphql", view, methods=["POST"]), WebSocketRoute("/graphql", view)])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield cls(sources, listener.getsockname()[1])
            finally:
                server.should_exit = True
                await serving

    @asynccontextmanager
    async def device(self, token: str | None, sock: socket.socket | None = None) -> AsyncIterator[Device]:
        options: dict[str, Any] = {"sock": sock, "max_queue": 1} if sock else {"max_queue": None}
        async with connect(
            f"ws://127.0.0.1:{self.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], **options
        ) as websocket:
            device = Device(websocket)
            await device.send(type="connection_init", payload={"authorization": f"Bearer {token}"} if token else {})
            assert (await device.receive())["type"] == "connection_ack"
            yield device


@dataclass
class Account:
    """A listener who has signed in."""

    sources: Sources
    token: str
    session: Session

    @classmethod
    async def new(cls, client: Client) -> "Account":
        await client.sign_in()
        token = client.headers["authorization"].removeprefix("Bearer ")
        session = await client.sources.sessions.find(token)
        assert session
        return cls(client.sources, token, session)

    @property
    def id(self) -> UUID:
        return self.session.user_id

    def count_to(self, head: int) -> None:
        heads[self.id] = head
        self.sources.library_bell.ring(self.id, head)

    async def nobody_follows(self) -> None:
        """Nothing is left of this listener's streams."""
        await eventually(lambda: self.id not in self.sources.library_bell._watches)
        await eventually(lambda: self.session.key not in self.sources.news._listeners)
        assert open_subscriptions() == 0


def open_subscriptions() -> float:
    return float(OPEN_SUBSCRIPTIONS.labels("numbers")._value.get())


@pytest.fixture
async def gateway(sources: Sources, settings: Settings) -> AsyncIterator[Gateway]:
    async with Gateway.of(sources, settings) as running:
        yield running
    await eventually(lambda: OPEN_SOCKETS._value.get() == 0)
    assert open_subscriptions() == 0


@pytest.fixture
async def account(client: Client) -> Account:
    return await Account.new(client)


async def test_a_device_catches_up_and_then_follows(gateway: Gateway, account: Account) -> None:
    heads[account.id] = 5
    async with gateway.device(account.token) as device:
        await device.subscribe(since=2)
        assert [await device.number() for _ in range(3)] == [3, 4, 5]
        assert open_subscriptions() == 1

        account.count_to(7)
        assert [await device.number() for _ in range(2)] == [6, 7]
        account.count_to(8)
        assert await device.number() == 8
    await account.nobody_follows()


async def test_every_device_gets_every_number_once_in_order(gateway: Gateway, account: Account) -> None:
    """Whenever it comes, goes and comes back, while numbers are added."""
    chance, last = random.Random(5), 300

    async def add() -> None:
        for head in range(1, last + 1):
            account.count_to(head)
            await asyncio.sleep(chance.choice([0, 0.002, 0.005]))

    async def listen() -> list[int]:
        got: list[int] = []
        while len(got) < last:
            async with gateway.device(account.token) as device:
                await device.subscribe(since=got[-1] if got else 0)
                got += [await device.number() for _ in range(min(chance.randrange(1, 120), last - len(got)))]
        return got

    got = await asyncio.gather(*(listen() for _ in range(12)), add())

    assert got[:-1] == [list(range(1, last + 1))] * 12
    await account.nobody_follows()


async def test_what_is_loaded_is_fresh_for_each_event(gateway: Gateway, account: Account) -> None:
    async with gateway.device(account.token) as device:
        await device.subscribe(fields="n a: load(key: 1) b: load(key: 1)")
        loaded = []
        for head in (1, 2):
            account.count_to(head)
            event = (await device.receive())["payload"]["data"]["numbers"]
            assert event["a"] == event["b"]
            loaded.append(event["a"])
    assert loaded[0] < loaded[1]


@pytest.mark.parametrize("streams", [1, 3])
async def test_when_its_session_is_revoked_a_stream_says_so_before_its_socket_is_closed(
    gateway: Gateway, account: Account, client: Client, streams: int
) -> None:
    elsewhere = await Account.new(client)
    account.count_to(1)
    async with gateway.device(account.token) as device, gateway.device(elsewhere.token) as other:
        for number in range(streams):
            await device.subscribe(id=str(number))
            assert await device.number() == 1
        await other.subscribe()

        await gateway.sources.sessions.end(account.id)

        told = [await device.receive() for _ in range(2 * streams)]
        assert await device.closed() == SESSION_ENDED
        for number in range(streams):
            event, complete = [message for message in told if message["id"] == str(number)]
            assert event["payload"]["data"] is None
            assert [error["extensions"]["code"] for error in event["payload"]["errors"]] == ["UNAUTHENTICATED"]
            assert complete["type"] == "complete"

        elsewhere.count_to(1)
        assert await other.number() == 1
    await account.nobody_follows()


async def test_nobody_follows_without_a_session(gateway: Gateway) -> None:
    async with gateway.device(None) as device:
        await device.subscribe()
        event = await device.receive()
        while event["type"] == "next":
            codes = [error["extensions"]["code"] for error in event["payload"]["errors"]]
            event = await device.receive()
        if event["type"] == "error":
            codes = [error["extensions"]["code"] for error in event["payload"]]

        assert codes == ["UNAUTHENTICATED"]
        await device.send(type="ping")
        assert (await device.receive())["type"] == "pong"


async def test_a_stream_finds_by_itself_that_its_session_is_gone(
    gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_EVERY", 0.3)
    async with gateway.device(account.token) as device:
        await device.subscribe()
        await eventually(open_subscriptions)

        await gateway.sources.valkey.delete(account.session.key)  # and nobody is told

        event, complete = await device.receive(), await device.receive()
        assert event["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert complete["type"] == "complete"
    await account.nobody_follows()


async def test_news_of_other_sessions_and_new_rights_end_nothing(gateway: Gateway, account: Account) -> None:
    async with gateway.device(account.token) as device:
        await device.subscribe()
        await eventually(open_subscriptions)
        before = len(reads[""])

        for key in (session_key("another"), account.session.key):
            await gateway.sources.valkey.publish(gateway.sources.news.channel, key)
        await gateway.sources.valkey.client_kill_filter(_type="pubsub")
        await eventually(lambda: not gateway.sources.news.heard)
        await eventually(lambda: gateway.sources.news.heard)

        account.count_to(1)
        assert await device.number() == 1
        assert len(reads[""]) <= before + 2
    await account.nobody_follows()


async def test_a_stream_ends_after_its_lifetime(sources: Sources, settings: Settings, account: Account) -> None:
    short = settings.model_copy(update={"stream_lifetime_seconds": 1})
    async with Gateway.of(sources, short) as gateway, gateway.device(account.token) as device:
        began = time.monotonic()
        await device.subscribe()
        assert await device.receive() == {"id": "1", "type": "complete"}
        assert 0.8 < time.monotonic() - began < 2

        # The socket stays; the device follows on.
        account.count_to(1)
        await device.subscribe()
        assert await device.number() == 1
    await account.nobody_follows()


async def test_whoever_unsubscribes_leaves_nothing_behind(gateway: Gateway, account: Account) -> None:
    async with gateway.device(account.token) as device:
        for number in range(20):
            await device.subscribe(id=str(number))
        await eventually(lambda: open_subscriptions() == 20)
        for number in range(20):
            await device.send(id=str(number), type="complete")
        await account.nobody_follows()
        # At once, wherever it is just then.
        for number in range(300):
            await device.subscribe(id=str(number))
            await asyncio.sleep(random.choice([0, 0.0002, 0.0005, 0.001]))
            await device.send(id=str(number), type="complete")
        await account.nobody_follows()

        await device.subscribe()
        await eventually(lambda: open_subscriptions() == 1)
        device.websocket.transport.abort()
        await account.nobody_follows()


async def test_a_mistake_of_ours_in_the_middle_is_masked(gateway: Gateway, account: Account) -> None:
    account.count_to(2)
    async with gateway.device(account.token) as device:
        await device.subscribe(fails=True)
        assert await device.number() == 1
        event, complete = await device.receive(), await device.receive()
        assert event["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert "secret" not in json.dumps(event)
        assert complete["type"] == "complete"
    await account.nobody_follows()


async def test_a_subscription_gathers_no_statements_and_is_no_duration(gateway: Gateway, account: Account) -> None:
    async with gateway.device(account.token) as device:
        await device.subscribe(device="counted")
        for head in range(1, 6):
            account.count_to(head)
            assert await device.number() == head
    await account.nobody_follows()

    assert len(reads["counted"]) >= 5
    assert set(map(id, reads["counted"])) == {id(None)}
    measured = [sample.labels for metric in OPERATION_SECONDS.collect() for sample in metric.samples]
    assert not [labels for labels in measured if labels["kind"] == "subscription"]


async def test_a_session_store_that_is_down_ends_no_stream(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_EVERY", 0.2)
    async with borrow("valkey", tmp_path / "valkey") as found:
        own = settings.model_copy(update={"redis_url": found["REDIS_URL"]})
        async with (
            open_sources(own) as sources,
            Client.of(sources, own) as client,
            Gateway.of(sources, own) as gateway,
        ):
            account = await Account.new(client)
            async with gateway.device(account.token) as device:
                account.count_to(1)
                await device.subscribe()
                assert await device.number() == 1
                server = json.loads((tmp_path / "valkey" / "pid").read_text())["pid"]
                os.kill(server, signal.SIGSTOP)
                try:
                    await eventually(lambda: not sources.news.heard)
                    account.count_to(2)
                    assert await device.number() == 2
                finally:
                    os.kill(server, signal.SIGCONT)
                await eventually(lambda: sources.news.heard)
                account.count_to(3)
                assert await device.number() == 3


async def test_over_http_a_stream_ends_with_its_session_too(gateway: Gateway, account: Account) -> None:
    async with (
        httpx.AsyncClient(timeout=20) as web,
        web.stream(
            "POST",
            f"http://127.0.0.1:{gateway.port}/graphql",
            json={"query": "subscription { numbers { n } }"},
            headers={"accept": "text/event-stream", "authorization": f"Bearer {account.token}"},
        ) as answer,
    ):
        lines = answer.aiter_lines()
        account.count_to(1)
        said = [line async for line in until(lines, '"n":')]
        assert open_subscriptions() == 1

        await gateway.sources.sessions.end(account.id)

        said += [line async for line in until(lines, "event: complete")]
    assert "UNAUTHENTICATED" in "".join(said)
    await account.nobody_follows()


async def test_over_http_whoever_goes_away_leaves_nothing_behind(gateway: Gateway, account: Account) -> None:
    async with (
        httpx.AsyncClient(timeout=20) as web,
        web.stream(
            "POST",
            f"http://127.0.0.1:{gateway.port}/graphql",
            json={"query": "subscription { numbers { n } }"},
            headers={"accept": "text/event-stream", "authorization": f"Bearer {account.token}"},
        ),
    ):
        await eventually(lambda: open_subscriptions() == 1)
    await account.nobody_follows()


async def until(lines: AsyncIterator[str], text: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if text in line:
            return


async def test_a_device_that_does_not_read_holds_nobody_back(gateway: Gateway, account: Account) -> None:
    last, size = 400, 64 * 1024
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", gateway.port))
    narrow.setblocking(False)
    async with gateway.device(account.token, narrow) as slow, gateway.device(account.token) as quick:
        slow.websocket.transport.pause_reading()
        await slow.subscribe(device="slow", size=size, fields="n text")
        await quick.subscribe(device="quick")
        waits = []
        for head in range(1, last + 1):
            began = time.perf_counter()
            account.count_to(head)
            assert await quick.number() == head
            waits.append(time.perf_counter() - began)
        print(
            f"{last} numbers of {size // 1024} KiB: {len(reads['slow'])} reads for the device that does not read; "
            f"the other one waited {max(waits) * 1000:.1f} ms at most"
        )
        assert len(reads["slow"]) < last / 4
        assert max(waits) < 1

        slow.websocket.transport.resume_reading()
        assert [await slow.number() for _ in range(last)] == list(range(1, last + 1))

        slow.websocket.transport.pause_reading()
        account.count_to(2 * last)
        await eventually(lambda: len(reads["slow"]) > last + 5)
        slow.websocket.transport.abort()
    await account.nobody_follows()
