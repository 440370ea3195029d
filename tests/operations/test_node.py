"""`node` and `nodes`: anything by its id alone."""

from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from datasources.sources import Sources
from ingest.tags import Tags
from tests.fixtures.client import Client
from tests.fixtures.music import ARTIST_ID, GENRE_ID, TRACK_ID, fresh, id_of, publish_album

NODE = """
    query($id: ID!) {
      node(id: $id) {
        __typename id
        ... on Artist { name } ... on Album { title } ... on Track { title } ... on Genre { label: name }
        ... on User { displayName }
      }
    }
"""
THING = "query($id: ID!) { thing: FIELD(id: $id) { id } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


class Something(NamedTuple):
    typename: str
    id: str
    shown: dict[str, str]

    @property
    def node(self) -> dict[str, str]:
        return {"__typename": self.typename, "id": self.id}


@pytest.fixture(scope="module")
async def everything(sources: Sources) -> list[Something]:
    """One of each type."""
    artist, album, song, genre = fresh("Artist"), fresh("Album"), fresh("Song"), fresh("Genre")
    album_id = await publish_album(sources, Tags(title=song, artist=artist, album=album, genres=(genre,)))
    return [
        Something("Artist", await id_of(sources, ARTIST_ID, name=artist), {"name": artist}),
        Something("Album", album_id, {"title": album}),
        Something("Track", await id_of(sources, TRACK_ID, title=song), {"title": song}),
        Something("Genre", await id_of(sources, GENRE_ID, name=genre), {"label": genre}),
    ]


async def a_user(client: Client) -> Something:
    await client.sign_in()
    answer = await client.ask("{ viewer { user { id displayName } } }")
    user: Any = answer.data["viewer"]["user"]
    return Something("User", user["id"], {"displayName": "A listener"})


async def test_anything_is_found_by_its_id(client: Client, everything: list[Something]) -> None:
    for thing in [*everything, await a_user(client)]:
        answer = await client.ask(NODE, id=thing.id)

        assert answer.data["node"] == thing.node | thing.shown
        # The table that it is in; its row there.
        assert len(answer.statements) == 2


async def test_an_id_in_capitals_is_the_same_id(client: Client, everything: list[Something]) -> None:
    assert (await client.ask(NODES, ids=[everything[0].id.upper()])).data["nodes"] == [everything[0].node]


async def test_nodes_keep_the_order_and_repeat_what_is_repeated(client: Client, everything: list[Something]) -> None:
    things = [*everything, await a_user(client)]
    order = [4, 0, 2, 2, 1, 0, 3]

    answer = await client.ask(NODES, ids=[things[place].id for place in order])

    assert answer.data["nodes"] == [things[place].node for place in order]
    # Where they are; the five tables they are in.
    assert len(answer.statements) == 6


async def test_an_unknown_id_is_null_and_an_error_at_its_place(client: Client, everything: list[Something]) -> None:
    nobody = str(uuid4())

    answer = await client.ask(NODES, ids=[everything[1].id, nobody, everything[0].id])

    assert answer.body["data"]["nodes"] == [everything[1].node, None, everything[0].node]
    assert answer.codes == ["NOT_FOUND"]
    assert answer.body["errors"][0]["path"] == ["nodes", 1]
    assert nobody in answer.messages[0]


@pytest.mark.parametrize("field", ["node", "artist", "album", "track"])
async def test_nobodys_id_is_not_found(client: Client, field: str) -> None:
    answer = await client.ask(THING.replace("FIELD", field), id=str(uuid4()))

    assert answer.body["data"] == {"thing": None}
    assert answer.codes == ["NOT_FOUND"]
    assert answer.body["errors"][0]["path"] == ["thing"]


@pytest.mark.parametrize(("field", "wrong"), [("artist", 1), ("album", 0), ("track", 3), ("album", 2)])
async def test_an_id_of_another_type_is_not_found(
    client: Client, everything: list[Something], field: str, wrong: int
) -> None:
    answer = await client.ask(THING.replace("FIELD", field), id=everything[wrong].id)

    assert answer.body["data"] == {"thing": None}
    assert answer.codes == ["NOT_FOUND"]


@pytest.mark.parametrize("id", ["", "7", "nobody", "'; DROP TABLE tracks; --", "\ud800", "x" * 10_000])
@pytest.mark.parametrize("field", ["node", "artist", "album", "track"])
async def test_what_is_no_id_is_refused(client: Client, field: str, id: str) -> None:
    answer = await client.ask(THING.replace("FIELD", field), id=id)

    assert answer.body["data"] == {"thing": None}
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "is not an id" in answer.messages[0]
    assert answer.statements == []


async def test_one_malformed_id_among_nodes_refuses_them_all(client: Client, everything: list[Something]) -> None:
    answer = await client.ask(NODES, ids=[everything[0].id, "nobody", everything[1].id])

    assert answer.body["data"] is None
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.statements == []


async def test_at_most_a_hundred_nodes_at_a_time(client: Client, everything: list[Something]) -> None:
    ids = [everything[0].id] * 100

    assert len((await client.ask(NODES, ids=ids)).data["nodes"]) == 100
    assert (await client.ask(NODES, ids=[])).data["nodes"] == []

    answer = await client.ask(NODES, ids=[*ids, ids[0]])
    assert answer.body["data"] is None
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "at most 100 ids; it holds 101" in answer.messages[0]
    assert answer.statements == []


async def test_a_listener_shows_others_only_the_display_name(client: Client) -> None:
    user = await a_user(client)

    answer = await client.ask("query($id: ID!) { node(id: $id) { ... on User { username } } }", id=user.id)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.statements == []
