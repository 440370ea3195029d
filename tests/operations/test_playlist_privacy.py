"""A private playlist does not exist for others, by whatever path; a public one is there to be read."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from datasources.sources import Sources
from domain.accounts import Role
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.library import (
    ADD,
    DELETE,
    EDIT,
    READ,
    REMOVE,
    SHOW,
    UPDATE,
    Device,
    Listener,
    Music,
    insert,
    publish,
    rename,
    shown,
)

NODE = "query($id: ID!) { node(id: $id) { id __typename } }"
NODES = "query($id: ID!) { nodes(ids: [$id]) { id } }"
ITEMS = """{ viewer { library {
    items { totalCount edges { node { id type loved node { ... on Playlist { name } } } } }
    playlists { totalCount edges { node { name } } }
} } }"""
NOBODY = "01920000-0000-7000-8000-000000000000"


@pytest.fixture
async def owner(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings, Role.CURATOR) as opened:
        yield opened


@pytest.fixture
async def other(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    """Somebody who may do everything, but with their own."""
    async with Listener.of(sources, settings, Role.ADMIN) as opened:
        yield opened


@pytest.fixture(scope="module")
async def music(sources: Sources) -> Music:
    return await publish(sources, 3)


@pytest.fixture
async def private(owner: Listener, music: Music) -> str:
    return str((await owner.create(*music.tracks, name="Secret"))["id"])


PATHS: dict[str, tuple[str, dict[str, Any]]] = {
    "playlist": (READ, {}),
    "node": (NODE, {}),
    "nodes": (NODES, {}),
    "addToLibrary": ("mutation($id: ID!) { addToLibrary(ids: [$id]) { syncToken } }", {}),
    "updateLibraryItem": (UPDATE, {"loved": True}),
    "editPlaylist": (EDIT, {"edits": [rename("Mine")]}),
    "editPlaylist, nothing": (EDIT, {"edits": []}),
    "setPlaylistVisibility": (SHOW, {"to": "PUBLIC"}),
    "deletePlaylist": (DELETE, {}),
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_private_playlist_is_not_found(owner: Listener, other: Listener, private: str, path: str) -> None:
    query, variables = PATHS[path]
    before = await owner.kept(), await other.kept()

    answer = await other.ask(query, id=private, **variables)
    nothing = await other.ask(query, id=NOBODY, **variables)

    assert answer.codes == nothing.codes == ["NOT_FOUND"]
    assert answer.messages == [nothing.messages[0].replace(NOBODY, private)], "as what does not exist at all"
    assert "Secret" not in answer.response.text
    assert (await owner.kept(), await other.kept()) == before


@pytest.mark.parametrize("path", ["playlist", "node", "nodes"])
async def test_nor_is_it_for_nobody(client: Client, private: str, path: str) -> None:
    query, variables = PATHS[path]

    answer = await client.ask(query, id=private, **variables)

    assert answer.codes == ["NOT_FOUND"]
    assert "Secret" not in answer.response.text


async def test_removing_it_is_like_removing_nothing(owner: Listener, other: Listener, private: str) -> None:
    before = await owner.kept()
    token = await other.token()

    assert (await other.remove(private))["changes"] == []

    assert await other.token() == token
    assert await owner.kept() == before


async def test_nor_is_it_by_what_a_device_hands_in(owner: Listener, other: Listener, private: str) -> None:
    before, device = await owner.kept(), Device()

    def handed_in(id: str) -> list[dict[str, Any]]:
        return [
            device.add(id),
            device.update(id, loved=True),
            device.update(id, playlistEdits=[rename("Mine")]),
            device.update(id, playlistEdits=[{"kind": "REMOVE", "entryId": NOBODY}]),
            device.remove(id),
        ]

    theirs, nothing = [(await other.sync(*handed_in(id)))["outcomes"] for id in (private, str(uuid4()))]

    assert [(outcome["status"], outcome["reason"]) for outcome in theirs] == [
        *[("REJECTED", "NOT_FOUND")] * 4,
        ("APPLIED", None),
    ]
    assert [{**outcome, "mutationId": ""} for outcome in theirs] == [{**each, "mutationId": ""} for each in nothing]
    assert await owner.kept() == before
    assert (await other.held(), await other.head()) == ({}, 0)


async def test_its_owner_sees_it_by_every_path(owner: Listener, private: str) -> None:
    assert (await owner.playlist(private))["name"] == "Secret"
    assert (await owner.ask(NODE, id=private)).data["node"] == {"id": private, "__typename": "Playlist"}
    assert (await owner.ask(NODES, id=private)).data["nodes"] == [{"id": private}]
    assert (await owner.ask(ITEMS)).data["viewer"]["library"]["playlists"]["edges"] == [{"node": {"name": "Secret"}}]


async def test_a_public_one_is_there_for_everybody(
    owner: Listener, other: Listener, client: Client, private: str
) -> None:
    await owner.ask(SHOW, id=private, to="PUBLIC")
    mine = await owner.playlist(private)

    for reader in (other, client):
        answer = await reader.ask(READ, id=private)
        assert answer.data["playlist"] == mine | {"inLibrary": False}
        assert (await reader.ask(NODE, id=private)).data["node"]["__typename"] == "Playlist"

    await other.add(private)
    assert await other.playlist(private) == mine | {"inLibrary": True}
    assert await other.update(private, loved=True, rating=5)
    assert (await owner.held())[private] == (False, None), "what one says of it is one's own"


@pytest.mark.parametrize("path", ["editPlaylist", "editPlaylist, nothing", "setPlaylistVisibility", "deletePlaylist"])
async def test_a_public_one_is_its_owners_to_change(owner: Listener, other: Listener, private: str, path: str) -> None:
    await owner.ask(SHOW, id=private, to="PUBLIC")
    await other.add(private)
    before = await owner.kept(), await other.kept()
    query, variables = PATHS[path]

    answer = await other.ask(query, id=private, **variables)

    assert answer.codes == ["FORBIDDEN"]
    assert (await owner.kept(), await other.kept()) == before


async def test_nor_is_it_edited_by_what_a_device_hands_in(
    owner: Listener, other: Listener, private: str, music: Music
) -> None:
    await owner.ask(SHOW, id=private, to="PUBLIC")
    await other.add(private)
    before, device = await owner.kept(), Device()
    entry = shown(await owner.playlist(private))[0]

    for edits in ([rename("Mine")], [insert(music.tracks[0])], [{"kind": "REMOVE", "entryId": entry}]):
        change = device.update(private, at="2100-01-01T00:00:00Z", loved=True, playlistEdits=edits)
        assert await other.outcome(change) == ("REJECTED", "NOT_ALLOWED")

    assert await owner.kept() == before
    assert (await other.held())[private] == (False, None), "rejected as a whole"


async def test_removing_a_public_one_of_others_does_not_delete_it(
    owner: Listener, other: Listener, private: str
) -> None:
    await owner.ask(SHOW, id=private, to="PUBLIC")
    await other.add(private)
    before = await owner.kept()

    assert [change["type"] for change in (await other.remove(private))["changes"]] == ["REMOVE"]
    await other.add(private)
    assert await other.outcome(Device().change("REMOVE", private, at="2100-01-01T00:00:00Z")) == ("APPLIED", None)

    assert await other.held() == {}
    assert await owner.kept() == before


async def test_what_became_private_is_null_where_it_was_saved(owner: Listener, other: Listener, private: str) -> None:
    await owner.ask(SHOW, id=private, to="PUBLIC")
    await other.add(private)
    await other.update(private, loved=True)
    await owner.ask(SHOW, id=private, to="PRIVATE")

    library = (await other.ask(ITEMS)).data["viewer"]["library"]
    assert library["items"]["edges"] == [{"node": {"id": private, "type": "PLAYLIST", "loved": True, "node": None}}]
    assert library["playlists"] == {"totalCount": 0, "edges": []}
    changes = await other.ask(
        """query($since: SyncToken!) { viewer { library { changes(since: $since) {
          changes { item { node { ... on Playlist { name } } } }
        } } } }""",
        since=await other.token_at(0),
    )
    nodes = [change["item"]["node"] for change in changes.data["viewer"]["library"]["changes"]["changes"]]
    assert nodes == [None, None]
    for path, (query, variables) in PATHS.items():
        assert (await other.ask(query, id=private, **variables)).codes == ["NOT_FOUND"], path
    assert await other.outcome(Device().change("UPDATE", private, at="2100-01-01T00:00:00Z", loved=False)) == (
        "REJECTED",
        "NOT_FOUND",
    )

    await owner.ask(SHOW, id=private, to="PUBLIC")
    library = (await other.ask(ITEMS)).data["viewer"]["library"]
    assert library["items"]["edges"][0]["node"]["node"] == {"name": "Secret"}

    await owner.ask(SHOW, id=private, to="PRIVATE")
    assert (await other.ask(REMOVE, ids=[private])).data["removeFromLibrary"]["changes"][0]["type"] == "REMOVE"
    assert (await other.ask(ITEMS)).data["viewer"]["library"]["items"] == {"totalCount": 0, "edges": []}


async def test_what_was_deleted_is_null_where_it_was_saved(owner: Listener, other: Listener, private: str) -> None:
    await owner.ask(SHOW, id=private, to="PUBLIC")
    await other.add(private)
    await owner.ask(DELETE, id=private)

    library = (await other.ask(ITEMS)).data["viewer"]["library"]
    assert library["items"]["edges"] == [{"node": {"id": private, "type": "PLAYLIST", "loved": False, "node": None}}]
    assert (await other.remove(private))["changes"][0]["type"] == "REMOVE"
    assert await other.held() == {}


async def test_the_pages_of_one_playlist_are_not_reached_by_anothers_cursor(
    owner: Listener, other: Listener, private: str, music: Music
) -> None:
    """A cursor names an entry: it must not tell whether somebody else's playlist has it."""
    mine = (await other.create(music.tracks[0]))["id"]
    page = "query($id: ID!, $after: String) { playlist(id: $id) { entries(after: $after) { edges { cursor } } } }"
    theirs = (await owner.ask(page, id=private)).data["playlist"]["entries"]["edges"][0]["cursor"]

    real, invented = (await other.ask(page, id=mine, after=theirs)), (await other.ask(page, id=private, after=theirs))

    assert (real.codes, invented.codes) == (["BAD_USER_INPUT"], ["NOT_FOUND"])


async def test_the_library_of_one_listener_is_not_in_anothers_changes(
    owner: Listener, other: Listener, private: str
) -> None:
    assert (await other.changes(await other.token_at(0)))["changes"] == []
    refused = await other.ask(ADD, ids=[private])
    assert refused.codes == ["NOT_FOUND"]
    assert UUID(private) not in {
        row.item_id for row in await other.sql("SELECT item_id FROM library_items WHERE user_id = :user_id")
    }
