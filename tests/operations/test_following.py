"""Following artists: `followArtist`, `unfollowArtist`, `followed` and `viewer.following`."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from datasources.sources import Sources
from ingest.tags import Tags
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.library import Listener, Music, publish, told
from tests.fixtures.music import ARTIST_ID, fresh, id_of, publish_album

FOLLOW = "mutation($id: ID!) { followArtist(id: $id) { id name followed } }"
UNFOLLOW = "mutation($id: ID!) { unfollowArtist(id: $id) { id name followed } }"
FOLLOWED = "query($id: ID!) { artist(id: $id) { followed } }"
FOLLOWING = """query($first: Int, $after: String) { viewer { following(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id followed } }
} } }"""
NOBODY = "01920000-0000-7000-8000-000000000000"


@pytest.fixture
async def listener(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings) as opened:
        yield opened


@pytest.fixture(scope="module")
async def artists(sources: Sources) -> list[str]:
    names = [fresh("Artist") for _ in range(7)]
    for name in names:
        await publish_album(sources, Tags(title=fresh("Song"), artist=name, album=fresh("Album")))
    return [await id_of(sources, ARTIST_ID, name=name) for name in names]


@pytest.fixture(scope="module")
async def music(sources: Sources) -> Music:
    return await publish(sources, 1)


async def test_following_is_having_them_in_the_library(listener: Listener, artists: list[str]) -> None:
    since = await listener.token()

    answer = await listener.ask(FOLLOW, id=artists[0])

    assert answer.data["followArtist"]["followed"] is True
    delta = await listener.changes(since)
    assert told(delta) == [("ADD", "ARTIST", artists[0])]
    # The lock, the item, the thing, the item written, the change, the head; the artist; whether it is followed.
    assert len(answer.statements) == 8
    assert (await listener.ask(FOLLOWED, id=artists[0])).data == {"artist": {"followed": True}}
    assert (await listener.ask(FOLLOW, id=artists[0])).data["followArtist"]["followed"] is True
    assert await listener.token() == delta["syncToken"], "following whom one follows changes nothing"


async def test_unfollowing(listener: Listener, artists: list[str]) -> None:
    await listener.add(artists[0])
    since = await listener.token()

    answer = await listener.ask(UNFOLLOW, id=artists[0])

    assert answer.data["unfollowArtist"]["followed"] is False
    delta = await listener.changes(since)
    assert told(delta) == [("REMOVE", "ARTIST", artists[0])]
    assert (await listener.ask(UNFOLLOW, id=artists[0])).data["unfollowArtist"]["followed"] is False
    assert (await listener.ask(UNFOLLOW, id=artists[1])).data["unfollowArtist"]["followed"] is False
    assert await listener.token() == delta["syncToken"], "not following whom one does not changes nothing"


@pytest.mark.parametrize("mutation", [FOLLOW, UNFOLLOW])
async def test_only_artists_are_followed(listener: Listener, music: Music, mutation: str) -> None:
    await listener.add(music.album)
    before = await listener.kept()

    for id in (NOBODY, music.album, music.tracks[0], str(listener.id)):
        answer = await listener.ask(mutation, id=id)
        assert (answer.codes, answer.messages) == (["NOT_FOUND"], [f"There is no artist with the id {id}."])
    for id in ("", "me", "\ud800"):
        answer = await listener.ask(mutation, id=id)
        assert (answer.codes, answer.statements) == (["BAD_USER_INPUT"], [])
    assert await listener.kept() == before


async def test_nobody_follows(client: Client, artists: list[str]) -> None:
    answer = await client.ask(FOLLOWED, id=artists[0])

    assert answer.data == {"artist": {"followed": False}}
    assert len(answer.statements) == 1


async def test_whom_others_follow_one_does_not(
    listener: Listener, sources: Sources, settings: Settings, artists: list[str]
) -> None:
    async with Listener.of(sources, settings) as other:
        await other.ask(FOLLOW, id=artists[0])

    assert (await listener.ask(FOLLOWED, id=artists[0])).data == {"artist": {"followed": False}}
    assert (await listener.ask(FOLLOWING)).data["viewer"]["following"]["totalCount"] == 0


@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_pages_have_no_gap_and_no_repetition(listener: Listener, artists: list[str], size: int) -> None:
    for artist in (artists[3], artists[0], artists[5]):
        await listener.ask(FOLLOW, id=artist)
    await listener.add(*artists)
    last_four = sorted({*artists} - {artists[3], artists[0], artists[5]}, reverse=True)
    seen, after = [], None

    while True:
        answer = await listener.ask(FOLLOWING, first=size, after=after)
        page = answer.data["viewer"]["following"]
        assert all(edge["node"]["followed"] for edge in page["edges"])
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == 7
        assert page["pageInfo"] == {
            "hasNextPage": len(seen) < 7,
            "hasPreviousPage": after is not None,
            "startCursor": page["edges"][0]["cursor"],
            "endCursor": page["edges"][-1]["cursor"],
        }
        # The viewer; the page; the count; whether they are followed.
        assert len(answer.statements) == 4
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == [*last_four, artists[5], artists[0], artists[3]]


async def test_nobody_is_followed_yet(listener: Listener) -> None:
    assert (await listener.ask(FOLLOWING)).data["viewer"]["following"] == {
        "totalCount": 0,
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "edges": [],
    }


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_page_sizes_outside_1_to_100_are_refused(listener: Listener, first: int) -> None:
    answer = await listener.ask(FOLLOWING, first=first)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"`first` must be between 1 and 100; it is {first}."]


async def test_cursors_of_other_lists_are_refused(listener: Listener, artists: list[str]) -> None:
    await listener.add(*artists)
    items = await listener.ask("{ viewer { library { items(first: 1) { pageInfo { endCursor } } } } }")
    cursor = items.data["viewer"]["library"]["items"]["pageInfo"]["endCursor"]

    for after in (cursor, "", "nonsense", "\ud800"):
        answer = await listener.ask(FOLLOWING, after=after)

        assert answer.codes == ["BAD_USER_INPUT"]
        assert answer.messages[0].startswith("`after` is not a cursor of this list.")


async def test_many_artists_cost_what_one_does(listener: Listener, artists: list[str]) -> None:
    await listener.add(*artists[:3])
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Artist { followed } } }"

    one, all_ = [await listener.ask(query, ids=ids) for ids in (artists[:1], artists)]

    assert [node["followed"] for node in all_.data["nodes"]] == [True] * 3 + [False] * 4
    assert len(one.statements) == len(all_.statements) == 3


async def test_following_and_unfollowing_at_once(listener: Listener, artists: list[str]) -> None:
    """In whatever order they meet, the history tells it as it is, and no number is left out."""
    await asyncio.gather(*(listener.ask(mutation, id=artists[0]) for mutation in [FOLLOW, UNFOLLOW] * 10))

    changes = (await listener.changes(await listener.token_at(0)))["changes"]
    kinds = [change["type"] for change in changes]
    assert kinds == [("ADD", "REMOVE")[number % 2] for number in range(len(kinds))]
    assert len(kinds) == await listener.head()
    followed = (await listener.ask(FOLLOWED, id=artists[0])).data["artist"]["followed"]
    assert followed is (kinds[-1] == "ADD")
