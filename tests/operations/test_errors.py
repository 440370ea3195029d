"""Errors: a code of the contract for each, and nothing of our insides."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import bindparam, update
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosedError

from datasources.channels import Channels
from datasources.database import Database, Statement
from datasources.session_news import SessionNews
from datasources.sessions import Sessions
from datasources.sources import Sources
from datasources.tables.catalog import tracks
from ingest.tags import Tags
from schema.errors import MASKED
from settings import Settings
from tests.fixtures.client import PASSWORD, Answer, Client, Socket
from tests.fixtures.music import TRACK_ID, fresh, id_of, publish_album

SQL_WORDS = ("SELECT", "INSERT", "relation", "column", "asyncpg", "postgres", "Traceback")
TRACK = "query($id: ID!) { track(id: $id) { title } }"
LOGIN = 'mutation($password: String!) { login(username: "nobody", password: $password) { token } }'
NO_PORT = "127.0.0.1:1"
"""Nothing listens there."""
ID = str(uuid4())


@pytest.mark.parametrize(
    ("query", "variables", "telling"),
    [
        ("{ album(", {}, "Syntax Error"),
        ("{ albums { id } }", {}, "Cannot query field 'albums'"),
        ('{ album(id: "x") }', {}, "must have a selection of subfields"),
        ("{ album { title } }", {}, "of type 'ID!' is required"),
        (TRACK, {}, "$id"),
        (TRACK, {"id": None}, "$id"),
        (TRACK, {"id": {"nested": True}}, "$id"),
        (TRACK, {"id": ["\ud800"]}, "$id"),
        ("query($first: Int) { artist(id: 1) { albums(first: $first) { totalCount } } }", {"first": "many"}, "$first"),
        ("query($first: Int) { artist(id: 1) { albums(first: $first) { totalCount } } }", {"first": 2**31}, "$first"),
        ('{ artist(id: "x") { albums(types: [VINYL]) { totalCount } } }', {}, "AlbumType"),
        ("{ \ud800 }", {}, "Syntax Error"),
    ],
)
async def test_what_cannot_be_read_is_bad_input(
    client: Client, query: str, variables: dict[str, Any], telling: str
) -> None:
    answer = await client.ask(query, **variables)

    assert set(answer.codes) == {"BAD_USER_INPUT"}
    assert telling in answer.messages[0]
    assert answer.body.get("data") is None
    assert answer.statements == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b"null", b"7", b'"{ viewer { username } }"', b"\xff", b'{"query": 7}', b'{"query": ""}'],
)
async def test_a_body_that_is_no_request_is_refused(client: Client, body: bytes) -> None:
    answer = await client.http.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert not any(word in answer.text for word in SQL_WORDS)


async def test_a_mistake_of_ours_is_masked_and_logged_under_its_id(sources: Sources, settings: Settings) -> None:
    """Here: the tables are missing."""
    empty = urlunsplit(urlsplit(str(settings.database_url))._replace(path="/postgres"))
    async with (
        Database.open(empty, 1) as database,
        Client.of(replace(sources, database=database), settings) as client,
    ):
        with capture_logs() as logs:
            answer = await client.ask(TRACK, id=ID)

    (error,) = answer.body["errors"]
    assert answer.body["data"] == {"track": None}
    assert error["message"] == MASKED
    assert error["extensions"].keys() == {"code", "errorId"}
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert str(UUID(error["extensions"]["errorId"])) == error["extensions"]["errorId"]
    assert_tells_nothing(answer)
    (logged,) = [line for line in logs if line["event"] != "request"]
    assert (logged["event"], logged["log_level"]) == ("field.failed", "error")
    assert logged["error_id"] == error["extensions"]["errorId"]
    assert logged["path"] == ["track"]
    assert 'relation "tracks" does not exist' in str(logged["exc_info"])


async def test_a_value_that_the_graph_cannot_show_is_a_mistake_of_ours(client: Client, sources: Sources) -> None:
    """Here: a count beyond GraphQL's 32 bits. The caller did nothing wrong."""
    song = fresh("Song")
    await publish_album(sources, Tags(title=song, artist=fresh("Artist"), album=fresh("Album")))
    too_many = Statement(
        update(tracks).where(tracks.c.title == bindparam("track")).values(play_count=bindparam("plays"))
    )
    await sources.database.fetch(too_many, track=song, plays=2**31)

    with capture_logs():
        answer = await client.ask(
            "query($id: ID!) { track(id: $id) { playCount } }", id=await id_of(sources, TRACK_ID, title=song)
        )

    assert answer.codes == ["INTERNAL_SERVER_ERROR"]
    assert answer.messages == [MASKED]


async def test_a_database_that_is_down_is_said_to_be_and_found_again(sources: Sources, settings: Settings) -> None:
    url = urlsplit(str(settings.database_url))
    async with Relay.to(str(url.hostname), url.port or 5432) as relay:
        through = urlunsplit(url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{relay.port}"))
        async with (
            Database.open(through, 2) as database,
            Client.of(replace(sources, database=database), settings) as client,
        ):
            assert (await client.ask("{ genres { id } }")).codes == []

            await relay.cut()
            for query, variables in (
                ("{ genres { id } }", {}),
                (TRACK, {"id": ID}),
                ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [str(uuid4()), str(uuid4())]}),
                (LOGIN, {"password": PASSWORD}),
            ):
                answer = await client.ask(query, **variables)
                assert_unavailable(answer, "database")

            await relay.mend()
            assert (await client.ask("{ genres { id } }")).codes == []


async def test_a_failure_that_several_share_is_told_once(sources: Sources, settings: Settings) -> None:
    """Each of the loads that failed together is awaited: none is left for the event loop to complain of."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    empty = urlunsplit(urlsplit(str(settings.database_url))._replace(path="/postgres"))
    async with (
        Database.open(empty, 1) as database,
        Client.of(replace(sources, database=database), settings) as client,
    ):
        with capture_logs():
            answer = await client.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[ID, str(uuid4())])
        assert answer.codes == ["INTERNAL_SERVER_ERROR"]
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)

    assert complaints == []


async def test_without_the_session_store_nobody_is_taken_for_anonymous(sources: Sources, settings: Settings) -> None:
    async with (
        Redis.from_url(f"redis://{NO_PORT}/0") as valkey,
        Client.of(replace(sources, sessions=Sessions(valkey, SessionNews(Channels(valkey)))), settings) as client,
    ):
        assert (await client.ask("{ genres { id } }")).codes == []
        for query in ("{ viewer { username } }", "mutation { logout }"):
            answer = await client.ask(query, headers={"authorization": "Bearer something"})
            assert_unavailable(answer, "session store")


def assert_unavailable(answer: Answer, store: str) -> None:
    assert set(answer.codes) == {"UNAVAILABLE"}
    assert [error["extensions"] for error in answer.body["errors"]] == [{"code": "UNAVAILABLE", "retryAfter": 2}] * len(
        answer.codes
    )
    assert set(answer.messages) == {f"The {store} does not answer just now; try again."}
    assert_tells_nothing(answer)


def assert_tells_nothing(answer: Answer) -> None:
    assert not [word for word in SQL_WORDS for message in answer.messages if word in message]


class Relay:
    """Stands between us and a real server, so that the way to it can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.StreamWriter] = set()
        self._to = (host, port)
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator["Relay"]:
        relay = cls(host, port)
        await relay.mend()
        try:
            yield relay
        finally:
            await relay.cut()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server
        self._server.close()
        for way in self._ways:
            way.transport.abort()
        await self._server.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(*self._to)
        self._ways |= {writer, there}
        await asyncio.gather(pass_on(reader, there), pass_on(there_reader, writer))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_what_cannot_be_parsed_is_refused_over_a_websocket_too(sources: Sources, settings: Settings) -> None:
    async with Socket.of(sources, settings) as socket:
        await socket.send(id="1", type="subscribe", payload={"query": "subscription { nope"})
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4400, "Syntax Error: Expected Name, found <EOF>.")
