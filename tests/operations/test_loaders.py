"""Loads are shared inside an operation, survive the failure of one who shares them, and outlive nothing."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from sqlalchemy import bindparam, update
from starlette.requests import HTTPConnection

from datasources.catalog import Batch
from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.catalog import albums
from ingest.tags import Tags
from resolvers.context import Context
from resolvers.loaders import Loaders
from schema import graph
from settings import Settings
from tests.fixtures.client import Client, Socket
from tests.fixtures.music import TRACK_ID, fresh, id_of, publish_album

# `stream` is never null and fails at once for nobody, so that the whole of `failing` is given up, with the album that
# it has begun to load. `other` waits for the same album.
SHARED = """
    query($id: ID!) {
      failing: track(id: $id) { album { title } stream { url } }
      other: track(id: $id) { album { title } }
    }
"""
ALBUM = "query($id: ID!) { album(id: $id) { title } }"
RENAME = Statement(update(albums).where(albums.c.title == bindparam("old")).values(title=bindparam("new")))


class Unshielded(Loaders):
    """The loaders as they would be without the shield."""

    def load(self, batch: Batch, key: Any) -> Awaitable[Any]:
        super().load(batch, key)
        return self._loaders[batch].load(key)


class UnshieldedContext(Context):
    def renewed(self) -> Context:
        context = super().renewed()
        context.loaders = Unshielded(context.sources)
        return context


async def titled(sources: Sources) -> tuple[str, str, str]:
    """A track's id, its album's id and title."""
    song, album = fresh("Song"), fresh("Album")
    album_id = await publish_album(sources, Tags(title=song, artist=fresh("Artist"), album=album))
    return await id_of(sources, TRACK_ID, title=song), album_id, album


async def test_a_failed_field_takes_no_shared_load_with_it(client: Client, sources: Sources) -> None:
    id, _, album = await titled(sources)

    answer = await client.ask(SHARED, id=id)

    assert answer.body["data"] == {"failing": None, "other": {"album": {"title": album}}}
    assert answer.codes == ["UNAUTHENTICATED"]
    assert answer.body["errors"][0]["path"] == ["failing", "stream"]


async def test_without_the_shield_it_would(sources: Sources) -> None:
    """The control: graphql-core 3.3 still cancels what the test above guards against."""
    id, _, album = await titled(sources)
    nobody = HTTPConnection({"type": "http", "headers": []})

    async def ask(context: type[Context]) -> Any:
        asked = context(sources, nobody, None, "http://segue.test", 60)
        return await graph.execute(SHARED, variable_values={"id": id}, context_value=asked)

    assert (await ask(Context)).data == {"failing": None, "other": {"album": {"title": album}}}
    assert await lost(ask(UnshieldedContext), album)


async def lost(asking: Awaitable[Any], title: str) -> bool:
    """Whether the answer lacks the title, or never came."""
    try:
        answer = await asking
    except asyncio.CancelledError:
        return True
    return answer.data is None or answer.data["other"] != {"album": {"title": title}}


async def test_fields_of_one_operation_share_their_loads(client: Client, sources: Sources) -> None:
    id, album_id, title = await titled(sources)

    answer = await client.ask(
        """query($id: ID!, $album: ID!) {
          a: track(id: $id) { album { title } } b: track(id: $id) { album { title } } album(id: $album) { title }
        }""",
        id=id,
        album=album_id,
    )

    assert answer.data == {
        "a": {"album": {"title": title}},
        "b": {"album": {"title": title}},
        "album": {"title": title},
    }
    # The track; the album: whoever asks for them, and on whichever level.
    assert len(answer.statements) == 2


async def test_operations_over_one_websocket_share_nothing(sources: Sources, settings: Settings) -> None:
    _, id, title = await titled(sources)
    renamed = fresh("Renamed")

    async with Socket.of(sources, settings) as socket:
        before = await socket.ask(ALBUM, id=id)
        await sources.database.fetch(RENAME, old=title, new=renamed)
        after = await socket.ask(ALBUM, id=id)

    assert before["data"] == {"album": {"title": title}}
    assert after["data"] == {"album": {"title": renamed}}
