"""`viewer.library` and its mutations: what is in it, in pages, and putting things in and taking them out."""

import asyncio
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from datasources.library import NEWEST, PAGES
from datasources.limits import Limits
from datasources.sources import Sources
from domain.accounts import Role
from domain.library import LibraryItemType, LibraryOrder
from domain.limits import LimitClass
from ingest.tags import Tags
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.library import (
    ADD,
    CREATE,
    DELETE,
    EDIT,
    REMOVE,
    SHOW,
    SYNC,
    UPDATE,
    Listener,
    Music,
    publish,
    sql,
    told,
)
from tests.fixtures.music import GENRE_ID, fresh, id_of, publish_album

ITEMS = """
    query($types: [LibraryItemType!], $order: LibraryOrder, $first: Int, $after: String) {
      viewer { library { items(types: $types, order: $order, first: $first, after: $after) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node {
          id type addedAt updatedAt loved rating
          node {
            __typename
            ... on Track { title } ... on Album { title } ... on Artist { name } ... on Playlist { name }
          }
        } }
      } } }
    }
"""
IDS = """
    query($types: [LibraryItemType!], $order: LibraryOrder, $first: Int, $after: String) {
      viewer { library { items(types: $types, order: $order, first: $first, after: $after) {
        pageInfo { hasNextPage endCursor } edges { node { id } }
      } } }
    }
"""
IN_LIBRARY = """query($ids: [ID!]!) {
    nodes(ids: $ids) { ... on Track { inLibrary } ... on Album { inLibrary } ... on Playlist { inLibrary } }
}"""
NOBODY = "01920000-0000-7000-8000-000000000000"
ORDERS = ["RECENTLY_ADDED", "TITLE"]


@pytest.fixture
async def listener(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings) as opened:
        yield opened


@pytest.fixture
async def curator(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    """Somebody else, whose playlists may be public."""
    async with Listener.of(sources, settings, Role.CURATOR) as opened:
        yield opened


@pytest.fixture(scope="module")
async def music(sources: Sources) -> Music:
    return await publish(sources, 12)


async def public_playlist(curator: Listener, *tracks: str, name: str = "Public") -> str:
    made = await curator.create(*tracks, name=name)
    await curator.ask(SHOW, id=made["id"], to="PUBLIC")
    return str(made["id"])


def ids_of(answer: Any) -> list[str]:
    return [edge["node"]["id"] for edge in answer.data["viewer"]["library"]["items"]["edges"]]


# ------------------------------------------------------------------------------------------- adding


async def test_things_of_every_kind_are_added_together(listener: Listener, curator: Listener, music: Music) -> None:
    playlist = await public_playlist(curator, music.tracks[0])
    since = await listener.token()

    answer = await listener.ask(ADD, ids=[music.tracks[0], music.album, music.artist, playlist])

    delta = answer.data["addToLibrary"]
    assert told(delta) == [
        ("ADD", "TRACK", music.tracks[0]),
        ("ADD", "ALBUM", music.album),
        ("ADD", "ARTIST", music.artist),
        ("ADD", "PLAYLIST", playlist),
    ]
    assert (delta["since"], delta["hasMore"], delta["mustRefresh"]) == (since, False, False)
    assert [change["syncToken"] for change in delta["changes"]] == [await listener.token_at(n) for n in (1, 2, 3, 4)]
    assert delta["syncToken"] == delta["changes"][-1]["syncToken"] == await listener.token()
    for change in delta["changes"]:
        at = change["occurredAt"]
        assert change["item"] == {
            "id": change["itemId"],
            "type": change["itemType"],
            "addedAt": at,
            "updatedAt": at,
            "loved": False,
            "rating": None,
        }
        assert (change["playlistEdits"], change["playlistRevision"]) == ([], None)
    # The lock; the items; the things; the items written, the changes, the head.
    assert len(answer.statements) == 6
    assert (await listener.changes(since))["changes"] == delta["changes"], "the history says what the mutation said"


async def test_adding_a_thing_twice_in_one_call_adds_it_once(listener: Listener, music: Music) -> None:
    delta = await listener.add(music.album, music.tracks[0], music.album, music.album.upper())

    assert told(delta) == [("ADD", "ALBUM", music.album), ("ADD", "TRACK", music.tracks[0])]
    assert await listener.head() == 2


async def test_adding_what_is_there_is_no_change_and_no_token(listener: Listener, music: Music) -> None:
    await listener.add(music.album)
    await listener.update(music.album, loved=True, rating=4)
    before = (await listener.ask(ITEMS)).data
    token = await listener.token()

    delta = await listener.add(music.album)

    assert delta == {"since": token, "syncToken": token, "hasMore": False, "mustRefresh": False, "changes": []}
    assert await listener.token() == token
    assert (await listener.ask(ITEMS)).data == before


@pytest.mark.parametrize("mutation", [ADD, REMOVE])
async def test_nothing_added_or_removed_is_nothing_changed(listener: Listener, mutation: str) -> None:
    token = await listener.token()

    (delta,) = (await listener.ask(mutation, ids=[])).data.values()

    assert (delta["since"], delta["syncToken"], delta["changes"]) == (token, token, [])


async def test_one_unknown_id_and_nothing_is_added(listener: Listener, music: Music) -> None:
    before = await listener.kept()

    for unknown in (NOBODY, str(listener.id)):
        answer = await listener.ask(ADD, ids=[music.album, unknown, music.artist])

        assert answer.codes == ["NOT_FOUND"]
        assert answer.messages == [f"There is nothing with the id {unknown} to add; nothing was added."]
        assert answer.body["data"] is None
    assert await listener.kept() == before


async def test_what_cannot_be_saved_is_not_found(listener: Listener, sources: Sources) -> None:
    genre = fresh("Genre")
    await publish_album(
        sources, Tags(title=fresh("Song"), artist=fresh("Artist"), album=fresh("Album"), genres=(genre,))
    )
    before = await listener.kept()

    assert (await listener.ask(ADD, ids=[await id_of(sources, GENRE_ID, name=genre)])).codes == ["NOT_FOUND"]
    assert await listener.kept() == before


@pytest.mark.parametrize("mutation", [ADD, REMOVE])
@pytest.mark.parametrize("ids", [["x"], [""], ["\ud800"], [NOBODY, "'; --"], [NOBODY] * 1001])
async def test_ids_that_are_none_and_too_many_are_refused(listener: Listener, mutation: str, ids: list[str]) -> None:
    before = await listener.kept()

    answer = await listener.ask(mutation, ids=ids)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.statements == []
    assert await listener.kept() == before


# ----------------------------------------------------------------------------------------- removing


async def test_removing_takes_it_away(listener: Listener, music: Music) -> None:
    await listener.add(music.album, music.artist)
    since = await listener.token()

    answer = await listener.ask(REMOVE, ids=[music.album, music.album])

    delta = answer.data["removeFromLibrary"]
    assert told(delta) == [("REMOVE", "ALBUM", music.album)]
    assert (delta["since"], delta["changes"][0]["item"]) == (since, None)
    assert delta["syncToken"] == await listener.token_at(3)
    assert list(await listener.held()) == [music.artist]
    assert len(answer.statements) == 6


async def test_removing_what_is_not_there_is_no_change_and_no_error(
    listener: Listener, curator: Listener, music: Music
) -> None:
    await listener.add(music.album)
    await listener.remove(music.album)
    private = (await curator.create())["id"]
    token = await listener.token()

    delta = await listener.remove(music.album, music.artist, NOBODY, private, str(listener.id))

    assert (delta["since"], delta["syncToken"], delta["changes"]) == (token, token, [])
    assert await listener.token() == token
    assert (await curator.playlist(private))["id"] == private


async def test_what_is_added_again_is_as_new(listener: Listener, music: Music) -> None:
    await listener.add(music.album)
    first = await listener.update(music.album, loved=True, rating=5)
    await listener.remove(music.album)

    delta = await listener.add(music.album)

    item = delta["changes"][0]["item"]
    assert (item["loved"], item["rating"]) == (False, None)
    assert item["addedAt"] > first["changes"][0]["item"]["addedAt"]


async def test_what_the_catalogue_lost_can_still_be_removed(listener: Listener, sources: Sources) -> None:
    lost = await publish(sources, 2)
    await listener.add(*lost.tracks)
    await sql(sources, "DELETE FROM audio_features WHERE track_id = :id", id=UUID(lost.tracks[0]))
    await sql(sources, "DELETE FROM audio_files WHERE track_id = :id", id=UUID(lost.tracks[0]))
    await sql(sources, "DELETE FROM tracks WHERE id = :id", id=UUID(lost.tracks[0]))

    page = (await listener.ask(ITEMS)).data["viewer"]["library"]["items"]
    nodes = {edge["node"]["id"]: edge["node"]["node"] for edge in page["edges"]}
    assert nodes[lost.tracks[0]] is None
    assert nodes[lost.tracks[1]]["__typename"] == "Track"
    assert page["totalCount"] == 2
    before = await listener.kept()
    assert (await listener.ask(UPDATE, id=lost.tracks[0], loved=True)).codes == ["NOT_FOUND"]
    assert (await listener.ask(ADD, ids=[lost.tracks[0]])).codes == ["NOT_FOUND"]
    assert await listener.kept() == before

    assert told(await listener.remove(lost.tracks[0])) == [("REMOVE", "TRACK", lost.tracks[0])]
    page = (await listener.ask(ITEMS)).data["viewer"]["library"]["items"]
    assert ([edge["node"]["id"] for edge in page["edges"]], page["totalCount"]) == ([lost.tracks[1]], 1)


# ----------------------------------------------------------------------------------------- updating


async def test_loving_and_rating(listener: Listener, music: Music) -> None:
    added = (await listener.add(music.album))["changes"][0]["item"]
    steps: list[tuple[dict[str, Any], tuple[bool, int | None]]] = [
        ({"loved": True}, (True, None)),
        ({"rating": 1}, (True, 1)),
        ({"rating": 5, "loved": False}, (False, 5)),
        ({"rating": None}, (False, None)),
        ({"loved": True, "rating": None}, (True, None)),
    ]
    for fields, expected in steps:
        delta = await listener.update(music.album, **fields)

        (change,) = delta["changes"]
        assert (change["type"], change["itemType"], change["itemId"]) == ("UPDATE", "ALBUM", music.album)
        assert (change["item"]["loved"], change["item"]["rating"]) == expected
        assert change["item"]["addedAt"] == added["addedAt"]
        assert change["item"]["updatedAt"] == change["occurredAt"] > added["updatedAt"]
        assert (await listener.held())[music.album] == expected


async def test_saying_what_is_so_is_no_change(listener: Listener, music: Music) -> None:
    await listener.add(music.album)
    await listener.update(music.album, loved=True, rating=3)
    token, before = await listener.token(), (await listener.ask(ITEMS)).data

    for same in ({"loved": True}, {"rating": 3}, {"loved": True, "rating": 3}):
        delta = await listener.update(music.album, **same)
        assert (delta["syncToken"], delta["changes"]) == (token, [])
    assert (await listener.ask(ITEMS)).data == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Say what to update: `loved`, `rating` or both."),
        ({"loved": None}, "Say what to update: `loved`, `rating` or both."),
        ({"rating": 0}, "`rating` is 1 to 5, or null for none; it is 0."),
        ({"rating": 6}, "`rating` is 1 to 5, or null for none; it is 6."),
        ({"rating": -1, "loved": True}, "`rating` is 1 to 5, or null for none; it is -1."),
    ],
)
async def test_updates_that_make_no_sense_are_refused(
    listener: Listener, music: Music, fields: dict[str, Any], message: str
) -> None:
    await listener.add(music.album)
    before = await listener.kept()

    answer = await listener.ask(UPDATE, id=music.album, **fields)

    assert (answer.codes, answer.messages) == (["BAD_USER_INPUT"], [message])
    assert answer.statements == []
    assert await listener.kept() == before


async def test_what_is_not_in_the_library_is_not_updated(listener: Listener, music: Music) -> None:
    await listener.add(music.artist)
    await listener.remove(music.artist)
    before = await listener.kept()

    for missing in (music.album, music.artist, NOBODY):
        answer = await listener.ask(UPDATE, id=missing, loved=True)

        assert answer.codes == ["NOT_FOUND"]
        assert answer.messages == [
            f"There is nothing with the id {missing} in your library. Add it first: `addToLibrary`."
        ]
    assert await listener.kept() == before


# ----------------------------------------------------------------------------------------- the pages


@pytest.fixture
async def full(listener: Listener, curator: Listener, music: Music) -> tuple[Listener, list[str]]:
    """A listener with twelve tracks, an album, an artist and two playlists; oldest first. Some were added together."""
    theirs, own = await public_playlist(curator, name="zz last"), (await listener.create(name="Aa first"))["id"]
    added = [own]
    for batch in ([music.artist, theirs], music.tracks[:5], [music.album], music.tracks[5:]):
        await listener.add(*batch)
        added += sorted(batch)
    return listener, added


async def page_through(listener: Listener, size: int, **arguments: Any) -> list[str]:
    seen: list[str] = []
    after = None
    while True:
        answer = await listener.ask(ITEMS, first=size, after=after, **arguments)
        page = answer.data["viewer"]["library"]["items"]
        seen += ids_of(answer)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(seen)
            return seen
        assert len(page["edges"]) == size
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("size", [1, 3, 16, 100])
@pytest.mark.parametrize("order", ORDERS)
async def test_pages_have_no_gap_and_no_repetition(full: tuple[Listener, list[str]], order: str, size: int) -> None:
    listener, added = full

    seen = await page_through(listener, size, order=order)

    if order == "RECENTLY_ADDED":
        assert seen == added[::-1]
    else:
        rows = await listener.sql(
            "SELECT item_id FROM library_items WHERE user_id = :user_id ORDER BY title_key, item_id"
        )
        assert seen == [str(row.item_id) for row in rows]
        assert (seen[0], seen[-1]) == (added[0], added[2] if added[2] in seen[-1:] else seen[-1])
    assert sorted(seen) == sorted(added)


@pytest.mark.parametrize("order", ORDERS)
async def test_only_some_types(full: tuple[Listener, list[str]], music: Music, order: str) -> None:
    listener, _ = full
    whole = await page_through(listener, 100, order=order)

    tracks = await page_through(listener, 5, order=order, types=["TRACK"])
    others = await page_through(listener, 2, order=order, types=["ALBUM", "PLAYLIST", "ARTIST", "ALBUM"])
    none = (await listener.ask(ITEMS, order=order, types=[])).data["viewer"]["library"]["items"]

    assert tracks == [id for id in whole if id in music.tracks]
    assert others == [id for id in whole if id not in music.tracks]
    assert (none["edges"], none["totalCount"], none["pageInfo"]["hasNextPage"]) == ([], 0, False)
    assert ids_of(await listener.ask(ITEMS, order=order, types=None, first=None)) == whole


async def test_titles_are_sorted_as_people_read_them(listener: Listener, sources: Sources) -> None:
    name = fresh("")
    titles = [f"b {name}", f"A {name}", f"É {name}", f"á {name}", f"Ab {name}"]
    made = await publish(sources, titles=titles)
    await listener.add(*made.tracks)

    seen = await page_through(listener, 1, order="TITLE")

    told_titles = [titles[made.tracks.index(id)][:-11].strip() for id in seen]
    assert told_titles.index("A") < told_titles.index("Ab") < told_titles.index("b")


async def test_what_a_page_costs(full: tuple[Listener, list[str]]) -> None:
    listener, _ = full

    for order in ORDERS:
        for size in (1, 50):
            answer = await listener.ask(IDS, order=order, first=size)
            # The viewer; the library; the page.
            assert len(answer.statements) == 3
    # And the count; tracks, albums, artists, playlists.
    assert len((await listener.ask(ITEMS, first=50)).statements) == 8
    total = await listener.ask("{ viewer { library { items { totalCount } } } }")
    assert total.data["viewer"]["library"]["items"]["totalCount"] == 16
    assert len(total.statements) == 4


@pytest.mark.parametrize("order", ORDERS)
async def test_a_cursor_of_the_other_order_is_refused(full: tuple[Listener, list[str]], order: str) -> None:
    listener, _ = full
    other = next(each for each in ORDERS if each != order)
    cursor = (await listener.ask(ITEMS, order=order, first=1)).data["viewer"]["library"]["items"]["pageInfo"][
        "endCursor"
    ]

    answer = await listener.ask(ITEMS, order=other, after=cursor)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages[0].startswith("`after` is not a cursor of this list.")
    assert len(answer.statements) == 2, "the viewer and the library were read"


def forged(*position: Any) -> str:
    return urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("order", "cursor"),
    [
        *((order, cursor) for order in ORDERS for cursor in ("", "nonsense", "ÿ", "\ud800", "W1tb" * 25_000)),
        ("RECENTLY_ADDED", forged("RECENTLY_ADDED", "2026-11-22T00:00:00", NOBODY)),
        ("RECENTLY_ADDED", forged("RECENTLY_ADDED", "0001-01-01T00:00:00+14:00", NOBODY)),
        ("RECENTLY_ADDED", forged("RECENTLY_ADDED", "9999-12-31T23:59:59-14:00", NOBODY)),
        ("RECENTLY_ADDED", forged("RECENTLY_ADDED", 7, NOBODY)),
        ("RECENTLY_ADDED", forged("RECENTLY_ADDED", "2026-11-22T00:00:00Z", "me")),
        ("RECENTLY_ADDED", forged("RECENTLY_ADDED", "2026-11-22T00:00:00Z", NOBODY, 1)),
        ("TITLE", forged("TITLE", "a\0b", NOBODY)),
        ("TITLE", forged("TITLE", "\ud800", NOBODY)),
        ("TITLE", forged("TITLE", None, NOBODY)),
    ],
)
async def test_invented_cursors_are_refused(listener: Listener, order: str, cursor: str) -> None:
    answer = await listener.ask(IDS, order=order, after=cursor)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages[0].startswith("`after` is not a cursor of this list.")


@pytest.mark.parametrize("first", [0, -1, 101])
@pytest.mark.parametrize(
    "field", ["library { items(first: $first) { totalCount } }", "library { playlists(first: $first) { totalCount } }"]
)
async def test_page_sizes_outside_1_to_100_are_refused(listener: Listener, field: str, first: int) -> None:
    answer = await listener.ask("query($first: Int) { viewer { FIELD } }".replace("FIELD", field), first=first)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"`first` must be between 1 and 100; it is {first}."]


async def test_an_empty_library(listener: Listener) -> None:
    answer = await listener.ask(ITEMS)

    assert answer.data["viewer"]["library"]["items"] == {
        "totalCount": 0,
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "edges": [],
    }


async def test_counts_follow_what_is_there(full: tuple[Listener, list[str]], music: Music) -> None:
    """The library keeps the numbers itself; they are those that one would count."""
    listener, _ = full
    await listener.remove(*music.tracks[:4], music.album)
    await listener.add(music.tracks[0])
    await listener.update(music.tracks[0], loved=True)
    await listener.remove(music.album, NOBODY)

    for kind in LibraryItemType:
        answer = await listener.ask(ITEMS, types=[kind.value])
        page = answer.data["viewer"]["library"]["items"]
        assert page["totalCount"] == len(page["edges"]), kind


async def test_playlists_are_those_in_the_library(listener: Listener, curator: Listener, music: Music) -> None:
    query = """query($first: Int, $after: String) { viewer { library { playlists(first: $first, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { node { id name inLibrary owner { id } } }
    } } } }"""
    own = [(await listener.create(name=f"Own {number}"))["id"] for number in range(2)]
    theirs = await public_playlist(curator)
    not_added = await public_playlist(curator)
    await listener.add(theirs, music.album)
    expected = [theirs, own[1], own[0]]

    seen: list[str] = []
    after = None
    for left in (2, 1, 0):
        answer = await listener.ask(query, first=1, after=after)
        page = answer.data["viewer"]["library"]["playlists"]
        (edge,) = page["edges"]
        seen.append(edge["node"]["id"])
        assert edge["node"]["inLibrary"] is True
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, left > 0)
        # The viewer; the library; the page; the count; the owners; what of it is in the library.
        assert len(answer.statements) == 6
        after = page["pageInfo"]["endCursor"]
    assert seen == expected
    assert not_added not in seen

    await curator.ask(SHOW, id=theirs, to="PRIVATE")
    page = (await listener.ask(query)).data["viewer"]["library"]["playlists"]
    assert ([edge["node"]["id"] for edge in page["edges"]], page["totalCount"]) == (expected[1:], 2)


# ---------------------------------------------------------------------------------------- inLibrary


async def test_whether_things_are_in_the_library(listener: Listener, curator: Listener, music: Music) -> None:
    theirs, own = await public_playlist(curator), (await listener.create())["id"]
    ids = [music.tracks[0], music.tracks[1], music.album, theirs, own]

    def flags(answer: Any) -> list[bool]:
        return [node["inLibrary"] for node in answer.data["nodes"]]

    assert flags(await listener.ask(IN_LIBRARY, ids=ids)) == [False, False, False, False, True]
    await listener.add(music.tracks[1], music.album, theirs)
    assert flags(await listener.ask(IN_LIBRARY, ids=ids)) == [False, True, True, True, True]
    await listener.remove(music.album)
    assert flags(await listener.ask(IN_LIBRARY, ids=ids)) == [False, True, False, True, True]
    assert flags(await curator.ask(IN_LIBRARY, ids=ids[:4])) == [False, False, False, True], "everybody's own"


async def test_one_statement_whatever_the_number(listener: Listener, sources: Sources) -> None:
    many = await publish(sources, 50)
    await listener.add(*many.tracks[::2], many.album)
    query = "query($id: ID!) { album(id: $id) { inLibrary tracks { inLibrary } } }"

    answer = await listener.ask(query, id=many.album)

    album = answer.data["album"]
    assert album["inLibrary"] is True
    assert [track["inLibrary"] for track in album["tracks"]] == [number % 2 == 0 for number in range(50)]
    # The album; its tracks; the album in the library; the tracks in it.
    assert len(answer.statements) <= 4
    one, fifty = [await listener.ask(IN_LIBRARY, ids=ids) for ids in (many.tracks[:1], many.tracks)]
    assert len(one.statements) == len(fifty.statements) == 3


async def test_nobody_has_anything(client: Client, music: Music) -> None:
    answer = await client.ask(IN_LIBRARY, ids=[music.album, *music.tracks])

    assert [node["inLibrary"] for node in answer.data["nodes"]] == [False] * 13
    # Where they are; albums; tracks. Whose library should be read?
    assert len(answer.statements) == 3


async def test_a_mutation_answers_with_what_is_so_after_it(listener: Listener, music: Music) -> None:
    """Several in one request, and what was loaded before does not linger."""
    answer = await listener.ask(
        """mutation($id: ID!, $track: ID!) {
          one: addToLibrary(ids: [$id, $track]) { changes { item { node { ... on Album { inLibrary } } } } }
          two: removeFromLibrary(ids: [$id]) { changes { type } }
          three: addToLibrary(ids: [$track]) { changes { type } }
          four: updateLibraryItem(id: $track, loved: true) { changes { item { node { ... on Track { inLibrary } } } } }
        }""",
        id=music.album,
        track=music.tracks[0],
    )

    assert answer.data == {
        "one": {"changes": [{"item": {"node": {"inLibrary": True}}}, {"item": {"node": {}}}]},
        "two": {"changes": [{"type": "REMOVE"}]},
        "three": {"changes": []},
        "four": {"changes": [{"item": {"node": {"inLibrary": True}}}]},
    }


# ------------------------------------------------------------------------------------- who may, and how often

DEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "addToLibrary": (ADD, {"ids": []}),
    "removeFromLibrary": (REMOVE, {"ids": []}),
    "updateLibraryItem": (UPDATE, {"id": NOBODY, "loved": True}),
    "syncLibrary": (SYNC, {"changes": []}),
    "createPlaylist": (CREATE, {"name": "Mornings"}),
    "editPlaylist": (EDIT, {"id": NOBODY, "edits": []}),
    "setPlaylistVisibility": (SHOW, {"id": NOBODY, "to": "PRIVATE"}),
    "deletePlaylist": (DELETE, {"id": NOBODY}),
    "followArtist": ("mutation($id: ID!) { followArtist(id: $id) { id } }", {"id": NOBODY}),
    "unfollowArtist": ("mutation($id: ID!) { unfollowArtist(id: $id) { id } }", {"id": NOBODY}),
}


@pytest.mark.parametrize("name", DEEDS)
async def test_nobody_changes_a_library(client: Client, name: str) -> None:
    mutation, variables = DEEDS[name]

    answer = await client.ask(mutation, **variables)

    assert answer.codes == ["UNAUTHENTICATED"]
    assert answer.body["data"] is None
    assert answer.statements == []


@pytest.mark.parametrize("name", DEEDS)
async def test_every_change_is_a_use_of_the_librarys_budget(sources: Sources, settings: Settings, name: str) -> None:
    mutation, variables = DEEDS[name]
    few = replace(sources, limits=Limits(sources.valkey, dict.fromkeys(LimitClass, 100) | {LimitClass.LIBRARY: 2}))
    async with Client.of(few, settings) as client:
        await sources.valkey.delete("limit:signIn:127.0.0.1")
        await client.sign_in()

        answers = [await client.ask(mutation, **variables) for _ in range(3)]

        left = [answer.body["extensions"]["rateLimit"]["library"]["remaining"] for answer in answers]
        assert left == [1, 0, 0]
        assert answers[2].codes == ["RATE_LIMITED"]
        assert answers[2].body["data"] is None
        assert answers[2].statements == []
        assert "RATE_LIMITED" not in answers[0].codes + answers[1].codes


async def test_reading_costs_nothing_of_it(listener: Listener) -> None:
    assert "extensions" not in (await listener.ask(ITEMS)).body


async def test_the_library_of_nobody(client: Client) -> None:
    assert (await client.ask(ITEMS)).data == {"viewer": None}


# -------------------------------------------------------------------------------------------- races


async def test_two_additions_at_once_are_one_change(listener: Listener, music: Music) -> None:
    answers = await asyncio.gather(*(listener.ask(ADD, ids=[music.album]) for _ in range(8)))

    told_each = [told(answer.data["addToLibrary"]) for answer in answers]
    assert sorted(told_each) == [[]] * 7 + [[("ADD", "ALBUM", music.album)]]
    assert await listener.head() == 1
    page = (await listener.ask(ITEMS)).data["viewer"]["library"]["items"]
    assert (page["totalCount"], len(page["edges"])) == (1, 1)


async def test_fifty_additions_at_once_get_fifty_positions(
    listener: Listener, sources: Sources, settings: Settings
) -> None:
    many = await publish(sources, 50)
    empty = await listener.token_at(0)

    answers = await asyncio.gather(*(listener.ask(ADD, ids=[track]) for track in many.tracks))

    tokens = [answer.data["addToLibrary"]["changes"][0]["syncToken"] for answer in answers]
    assert sorted(tokens) == sorted([await listener.token_at(position) for position in range(1, 51)])
    history = await listener.changes(empty)
    assert [change["syncToken"] for change in history["changes"]] == [
        await listener.token_at(position) for position in range(1, 51)
    ]
    assert {change["itemId"] for change in history["changes"]} == set(many.tracks)
    assert [change["occurredAt"] for change in history["changes"]] == sorted(
        {change["occurredAt"] for change in history["changes"]}
    ), "its own time goes on with its positions"


# ------------------------------------------------------------------------------------- a large library

FILL = """
    INSERT INTO library_items (user_id, item_id, item_type, present, added_at, updated_at, loved, title_key, clocks)
    SELECT :user_id, uuidv7(), (ARRAY['TRACK', 'TRACK', 'TRACK', 'ALBUM', 'ARTIST'])[1 + n % 5], true,
           now() - n * interval '1 min', now(), false, md5(n::text), '{}'
    FROM generate_series(1, CAST(:number AS int)) n
"""


async def fill(listener: Listener, number: int) -> None:
    await listener.sql(FILL, number=number)
    await sql(listener.client.sources, "ANALYZE library_items")


async def buffers(url: str, listener: Listener, order: LibraryOrder, types: list[str]) -> tuple[int, str]:
    """What the first page touches, and how it is found."""
    position = (
        {"added_at": NEWEST.at, "item_id": NEWEST.id}
        if order is LibraryOrder.RECENTLY_ADDED
        else {"title_key": "", "item_id": UUID(int=0)}
    )
    statement = PAGES[order]
    arguments = statement.arguments({"user_id": listener.id, "types": types, "size": 21} | position)
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement.text}", *arguments)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    first = next(line for line in plan.splitlines() if "Buffers:" in line)
    touched = sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", first))
    return touched, plan


@pytest.mark.parametrize("order", LibraryOrder)
@pytest.mark.parametrize("types", [[kind.value for kind in LibraryItemType], ["TRACK"], ["ALBUM", "ARTIST"]])
async def test_a_page_costs_the_same_in_any_library(
    sources: Sources, settings: Settings, order: LibraryOrder, types: list[str]
) -> None:
    async with Listener.of(sources, settings) as small, Listener.of(sources, settings) as large:
        await fill(small, 100)
        await fill(large, 50_000)
        few, _ = await buffers(str(settings.database_url), small, order, types)
        many, plan = await buffers(str(settings.database_url), large, order, types)

        assert many <= few + 40, plan


async def test_a_few_changes_in_a_large_library_are_a_small_answer(
    listener: Listener, sources: Sources, music: Music
) -> None:
    await fill(listener, 50_000)
    await listener.add(*music.tracks[:2])
    since = await listener.token()
    await listener.add(music.tracks[3])
    await listener.add(music.album)
    await listener.update(music.tracks[0], loved=True)
    await listener.update(music.tracks[1], rating=4)
    await listener.remove(music.album)

    answer = await listener.ask(
        """query($since: SyncToken!) { viewer { library { changes(since: $since) {
          syncToken hasMore mustRefresh
          changes { syncToken type itemType itemId occurredAt item { addedAt updatedAt loved rating } }
        } } } }""",
        since=since,
    )

    delta = answer.data["viewer"]["library"]["changes"]
    assert [change["type"] for change in delta["changes"]] == ["ADD", "ADD", "UPDATE", "UPDATE", "REMOVE"]
    assert len(answer.response.content) < 2000
    # The viewer; the library; the history.
    assert len(answer.statements) == 3
