"""A reference device: `docs/sync.md` as a small client. What it keeps, and what it does with answers: local_library.py.

phone = Device(Http("http://127.0.0.1:8000/graphql", token))
await phone.sync()                      # the first time, this reads the whole library
phone.add(track_id)                     # at once, without a network
await phone.sync()                      # hands it in, takes what others did
await phone.live()                      # stays up to date
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from benchmarks.local_library import Entry, Json, LocalLibrary, Playlist, differences
from domain.ids import new_id

PAUSES = (0.2, 5.0)
"""Seconds between tries, at first and at most; half of it or all, so that devices do not come together."""
SESSION_ENDED = 4401

ITEM = "id type addedAt updatedAt loved rating"
DELTA = f"""since syncToken hasMore mustRefresh changes {{
  type itemId playlistRevision item {{ {ITEM} }} playlistEdits {{ kind entryId trackId afterEntryId name }}
}}"""
SYNC = f"""mutation($since: SyncToken, $changes: [OfflineChangeInput!]!, $first: Int) {{
  syncLibrary(since: $since, changes: $changes, first: $first) {{
    outcomes {{ mutationId status reason serverState {{ {ITEM} }} }} delta {{ {DELTA} }}
  }}
}}"""
CHANGES = f"""query($since: SyncToken!, $first: Int) {{
  viewer {{ library {{ changes(since: $since, first: $first) {{ {DELTA} }} }} }}
}}"""
FOLLOW = f"subscription($since: SyncToken) {{ libraryChanged(since: $since) {{ {DELTA} }} }}"
EVERYTHING = f"""query($after: String) {{
  viewer {{ user {{ id }} library {{ syncToken items(first: 100, after: $after) {{
    pageInfo {{ hasNextPage endCursor }}
    edges {{ node {{ {ITEM} node {{ ... on Playlist {{ owner {{ id }} }} }} }} }}
  }} }} }}
}}"""
ENTRIES = """query($id: ID!, $after: String) {
  playlist(id: $id) { name revision entries(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { id track { id } } }
  } }
}"""
REVISION = "query($id: ID!) { playlist(id: $id) { revision } }"
ADD = f"mutation($ids: [ID!]!) {{ delta: addToLibrary(ids: $ids) {{ {DELTA} }} }}"
REMOVE = f"mutation($ids: [ID!]!) {{ delta: removeFromLibrary(ids: $ids) {{ {DELTA} }} }}"
UPDATE = f"""mutation($id: ID!, $loved: Boolean, $rating: Int) {{
  delta: updateLibraryItem(id: $id, loved: $loved, rating: $rating) {{ {DELTA} }}
}}"""
DELETE = f"mutation($id: ID!) {{ delta: deletePlaylist(id: $id) {{ {DELTA} }} }}"
CREATE = (
    "mutation($name: String!, $trackIds: [ID!]) { playlist: createPlaylist(name: $name, trackIds: $trackIds) { id } }"
)
EDIT = "mutation($id: ID!, $edits: [PlaylistEditInput!]!) { playlist: editPlaylist(id: $id, edits: $edits) { id } }"


class NoAnswer(Exception):
    """Nobody knows what became of the request."""


class Refused(Exception):
    """The server's word; `code` is its `extensions.code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Transport(Protocol):
    """Both raise NoAnswer and Refused."""

    async def ask(self, query: str, **variables: Any) -> Json:
        """The data of an answer."""

    def listen(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        """The data of every event of a subscription, until it ends."""


class Http:
    """A gateway's HTTP, over `web`, and its websockets."""

    def __init__(self, web: httpx.AsyncClient, url: str, token: str) -> None:
        self.url = url
        self._web = web
        self._headers = {"authorization": f"Bearer {token}"}

    async def ask(self, query: str, **variables: Any) -> Json:
        body = {"query": query, "variables": variables}
        try:
            return data_of((await self._web.post(self.url, json=body, headers=self._headers)).json())
        except (httpx.TransportError, ValueError) as error:
            raise NoAnswer(str(error)) from error

    async def listen(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        address, protocol = self.url.replace("http", "ws", 1), Subprotocol("graphql-transport-ws")
        try:
            async with connect(address, subprotocols=[protocol]) as socket:
                await socket.send(json.dumps({"type": "connection_init", "payload": self._headers}))
                payload = {"query": query, "variables": variables}
                await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                async for text in socket:
                    match json.loads(text):
                        case {"type": "next", "payload": answer}:
                            yield data_of(answer)
                        case {"type": "error", "payload": errors}:
                            data_of({"errors": errors})
                        case {"type": "ping"}:
                            await socket.send(json.dumps({"type": "pong"}))
                        case {"type": "complete"}:
                            return
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == SESSION_ENDED:
                raise Refused("UNAUTHENTICATED", closed.rcvd.reason) from closed
            raise NoAnswer(str(closed)) from closed
        except (OSError, InvalidHandshake, EOFError) as error:
            raise NoAnswer(str(error)) from error


def data_of(answer: Json) -> Json:
    for error in answer.get("errors") or ():
        code = error.get("extensions", {}).get("code", "UNKNOWN")
        if code in ("UNAVAILABLE", "INTERNAL_SERVER_ERROR"):
            raise NoAnswer(error["message"])
        raise Refused(code, error["message"])
    data: Json = answer["data"]
    return data


def now() -> datetime:
    return datetime.now(UTC)


class Device:
    """One device of a listener. `first` is the size of the deltas that it asks for."""

    def __init__(
        self,
        transport: Transport,
        clock: Callable[[], datetime] = now,
        make_id: Callable[[], UUID] = new_id,
        first: int = 500,
    ) -> None:
        self.local = LocalLibrary()
        self.transport = transport
        self.first = first
        self.clock = clock
        self._make_id = make_id
        self._last = datetime.min.replace(tzinfo=UTC)
        # One conversation at a time: answers are taken in the order in which they were asked for.
        self._turn = asyncio.Lock()

    # Without a network.

    def add(self, id: str) -> None:
        self._do("ADD", id)

    def remove(self, id: str) -> None:
        self._do("REMOVE", id)

    def update(self, id: str, **fields: Any) -> None:
        """`loved`, `rating`, or both."""
        self._do("UPDATE", id, **fields)

    def edit(self, playlist_id: str, edits: list[Json]) -> None:
        """Entries that are inserted have an `entryId` already, of `new_entry_id`."""
        self._do("UPDATE", playlist_id, playlistEdits=edits)

    def new_entry_id(self) -> str:
        return str(self._make_id())

    def _do(self, type: str, id: str, **what: Any) -> None:
        self._last = max(self.clock(), self._last + timedelta(microseconds=1))
        change = {"mutationId": str(self._make_id()), "type": type, "itemId": id}
        self.local.pending.append(change | {"occurredAt": self._last.isoformat()} | what)

    # With one.

    async def sync(self) -> None:
        """Hand in what is pending, take what is new. After NoAnswer, the same once more does no harm."""
        async with self._turn:
            if self.local.token is None:
                await self._refresh()
            more = True
            while self.local.pending:
                sent = self.local.portion()
                variables = {"since": self.local.token, "changes": sent, "first": self.first}
                result = (await self.transport.ask(SYNC, **variables))["syncLibrary"]
                self.local.settle(sent, result)
                more = await self._goes_on(result["delta"])
            await self._catch_up(more)

    async def pull(self) -> None:
        """Take what is new."""
        async with self._turn:
            await self._catch_up()

    async def online(self, mutation: str, **variables: Any) -> Json:
        """Do something on the server itself: ADD, REMOVE, UPDATE, DELETE, CREATE, EDIT. It is not repeated."""
        async with self._turn:
            data = await self.transport.ask(mutation, **variables)
            if "delta" in data and data["delta"]["since"] == self.local.token:
                self.local.put(data["delta"])
        return data

    async def follow(self) -> None:
        """Take every change as it comes, until the stream ends."""
        async with aclosing(self.transport.listen(FOLLOW, since=self.local.token)) as events:
            async for event in events:
                async with self._turn:
                    delta = event["libraryChanged"]
                    if delta["since"] == self.local.token:
                        self.local.put(delta)
                        await self._catch_up(await self._goes_on(delta))
                    else:  # we have gone on by another way meanwhile
                        await self._catch_up()

    async def live(self) -> None:
        """Stay up to date until the session ends."""
        pause, longest = PAUSES
        while True:
            try:
                await self.sync()
                pause = PAUSES[0]
                await self.follow()
            except NoAnswer:
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, longest)

    async def refresh(self) -> None:
        """Read everything anew. What is pending stays."""
        async with self._turn:
            await self._refresh()

    async def differences(self) -> list[str]:
        """What the server holds otherwise than we do."""
        return differences(self.local, await read_library(self.transport))

    async def _catch_up(self, more: bool = True) -> None:
        while more:
            answer = await self.transport.ask(CHANGES, since=self.local.token, first=self.first)
            delta = answer["viewer"]["library"]["changes"]
            self.local.put(delta)
            more = await self._goes_on(delta)

    async def _goes_on(self, delta: Json) -> bool:
        """Whether there is more to ask for after this delta."""
        if delta["mustRefresh"]:
            await self._refresh()
        return bool(delta["hasMore"] or delta["mustRefresh"])

    async def _refresh(self) -> None:
        read = await read_library(self.transport)
        read.pending = self.local.pending
        self.local = read


async def read_library(transport: Transport) -> LocalLibrary:
    """Everything that the server holds. The token is of the first page: what changes meanwhile comes after it."""
    library, own = LocalLibrary(), []
    more, after = True, None
    while more:
        viewer = (await transport.ask(EVERYTHING, after=after))["viewer"]
        page = viewer["library"]["items"]
        library.token = library.token or viewer["library"]["syncToken"]
        for node in (edge["node"] for edge in page["edges"]):
            library.put_item(node["id"], node)
            if ((node["node"] or {}).get("owner") or {}).get("id") == viewer["user"]["id"]:
                own.append(node["id"])
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    for id in own:
        if playlist := await read_playlist(transport, id):
            library.playlists[id] = playlist
    return library


async def read_playlist(transport: Transport, id: str) -> Playlist | None:
    """All entries of one revision; None when the playlist is no more."""
    try:
        while True:
            read, more, after = Playlist(), True, None
            while more:
                found = (await transport.ask(ENTRIES, id=id, after=after))["playlist"]
                read.name, read.revision = found["name"], read.revision or found["revision"]
                for node in (edge["node"] for edge in found["entries"]["edges"]):
                    read.entries.append(Entry(node["id"], node["track"] and node["track"]["id"]))
                more, after = found["entries"]["pageInfo"]["hasNextPage"], found["entries"]["pageInfo"]["endCursor"]
            # A page's entries may be newer than the revision that came with it, which was read before them.
            if (await transport.ask(REVISION, id=id))["playlist"]["revision"] == read.revision:
                return read
    except Refused as refused:
        if refused.code == "NOT_FOUND":
            return None
        raise
