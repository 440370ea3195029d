"""`artist(id:)`: albums by page, most played tracks, genres, artwork."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, update

from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.catalog import artists, tracks
from domain.recording import Cover
from ingest.tags import Tags
from tests.fixtures.client import Client
from tests.fixtures.music import ARTIST_ID, fresh, id_of, publish_album, recording

ALBUMS = """
    query($id: ID!, $first: Int, $after: String, $types: [AlbumType!]) {
      artist(id: $id) {
        albums(first: $first, after: $after, types: $types) {
          totalCount
          edges { cursor node { id title releaseDate type } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    }
"""
PLAYED = Statement(update(tracks).where(tracks.c.title == bindparam("track")).values(play_count=bindparam("plays")))
SHOW = Statement(update(artists).where(artists.c.name == bindparam("artist")).values(artwork_key=bindparam("artwork")))
FIRST_DAY = date(1999, 12, 31)
MANY = 45


async def one_song(sources: Sources, artist: str, released: date | None = None, *release_types: str) -> str:
    """An album of one song; its id."""
    title = fresh("Album")
    return await publish_album(
        sources,
        Tags(
            title=fresh("Song"), artist=artist, album=title, release_date=released, release_types=tuple(release_types)
        ),
    )


@pytest.fixture(scope="module")
async def prolific(sources: Sources) -> tuple[str, list[str]]:
    """An artist of 45 albums, every third one of the same day as the one before, five without a date; newest first."""
    artist, released = fresh("Prolific"), {}
    for number in range(MANY):
        day = FIRST_DAY + timedelta(days=number - (number % 3 == 1)) if number % 9 else None
        released[await one_song(sources, artist, day)] = day or date.min
    await one_song(sources, fresh("Somebody else"), FIRST_DAY)
    newest_first = sorted(released, key=lambda id: (released[id], id), reverse=True)
    return await id_of(sources, ARTIST_ID, name=artist), newest_first


def album_ids(answer: Any) -> list[str]:
    return [edge["node"]["id"] for edge in answer.data["artist"]["albums"]["edges"]]


@pytest.mark.parametrize("size", [1, 7, 20])
async def test_pages_have_no_gap_and_no_repetition(client: Client, prolific: tuple[str, list[str]], size: int) -> None:
    id, newest_first = prolific
    seen: list[str] = []
    after = None
    while True:
        answer = await client.ask(ALBUMS, id=id, first=size, after=after)
        page = answer.data["artist"]["albums"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == MANY
        assert page["pageInfo"] == {
            "hasNextPage": len(seen) < MANY,
            "hasPreviousPage": after is not None,
            "startCursor": page["edges"][0]["cursor"],
            "endCursor": page["edges"][-1]["cursor"],
        }
        # The artist; its page; its count.
        assert len(answer.statements) == 3
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert seen == newest_first


async def test_any_edge_is_a_place_to_go_on_from(client: Client, prolific: tuple[str, list[str]]) -> None:
    id, newest_first = prolific
    first = await client.ask(ALBUMS, id=id, first=10)
    middle = first.data["artist"]["albums"]["edges"][4]["cursor"]

    assert album_ids(await client.ask(ALBUMS, id=id, first=3, after=middle)) == newest_first[5:8]
    assert album_ids(await client.ask(ALBUMS, id=id)) == newest_first[:20]
    assert album_ids(await client.ask(ALBUMS, id=id, first=None)) == newest_first[:20]


async def test_undated_albums_come_last(client: Client, prolific: tuple[str, list[str]]) -> None:
    answer = await client.ask(ALBUMS, id=prolific[0], first=100)

    dates = [edge["node"]["releaseDate"] for edge in answer.data["artist"]["albums"]["edges"]]
    assert dates[-5:] == [None] * 5
    assert dates[:-5] == sorted(dates[:-5], reverse=True)
    assert dates[0] == (FIRST_DAY + timedelta(days=44)).isoformat()


async def test_an_album_that_appears_meanwhile_moves_no_page(client: Client, sources: Sources) -> None:
    artist = fresh("Artist")
    old = [await one_song(sources, artist, date(2000, 1, day)) for day in (3, 2, 1)]
    id = await id_of(sources, ARTIST_ID, name=artist)
    first = await client.ask(ALBUMS, id=id, first=1)

    await one_song(sources, artist, date(2020, 1, 1))
    after = first.data["artist"]["albums"]["pageInfo"]["endCursor"]

    assert album_ids(first) + album_ids(await client.ask(ALBUMS, id=id, after=after)) == old


async def test_types(client: Client, sources: Sources) -> None:
    artist = fresh("Artist")
    album, ep, single, collection = [
        await one_song(sources, artist, FIRST_DAY, name) for name in ("album", "ep", "single", "compilation")
    ]
    id = await id_of(sources, ARTIST_ID, name=artist)

    some = await client.ask(ALBUMS, id=id, types=["SINGLE", "EP", "EP"])
    none = await client.ask(ALBUMS, id=await id_of(sources, ARTIST_ID, name=artist), types=["COMPILATION"], first=1)

    assert set(album_ids(some)) == {ep, single}
    assert some.data["artist"]["albums"]["totalCount"] == 2
    assert album_ids(none) == [collection]
    assert none.data["artist"]["albums"]["pageInfo"]["hasNextPage"] is False
    assert set(album_ids(await client.ask(ALBUMS, id=id))) == {album, ep, single, collection}


@pytest.mark.parametrize("first", [0, -1, 101])
@pytest.mark.parametrize("field", ["albums(first: $first) { totalCount }", "topTracks(first: $first) { id }"])
async def test_page_sizes_outside_1_to_100_are_refused(
    client: Client, prolific: tuple[str, list[str]], field: str, first: int
) -> None:
    answer = await client.ask(
        "query($id: ID!, $first: Int) { artist(id: $id) { name FIELD } }".replace("FIELD", field),
        id=prolific[0],
        first=first,
    )

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"`first` must be between 1 and 100; it is {first}."]
    assert answer.body["data"] == {"artist": None}
    assert len(answer.statements) == 1, "only the artist was read"


BREAKS: dict[str, Callable[[str], str]] = {
    "a word": lambda cursor: "nonsense",
    "not ASCII": lambda cursor: "ÿ",
    "empty": lambda cursor: "",
    "cut": lambda cursor: cursor[:-3],
    "longer": lambda cursor: cursor + "A",
    "in other case": lambda cursor: cursor.swapcase(),
    "deep": lambda cursor: "W1tb" * 25_000,
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS.keys())
async def test_broken_cursors_are_refused(
    client: Client, prolific: tuple[str, list[str]], broken: Callable[[str], str]
) -> None:
    first = await client.ask(ALBUMS, id=prolific[0], first=1)
    cursor = first.data["artist"]["albums"]["pageInfo"]["endCursor"]

    answer = await client.ask(ALBUMS, id=prolific[0], after=broken(cursor))

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages[0].startswith("`after` is not a cursor of this list.")
    assert answer.body["data"] == {"artist": None}
    assert len(answer.statements) == 1, "only the artist was read"


async def test_several_artists_cost_what_one_does(client: Client, sources: Sources) -> None:
    names = [fresh("Artist") for _ in range(3)]
    released = {name: [await one_song(sources, name, date(2001, 1, day)) for day in (2, 1)] for name in names}
    ids = [await id_of(sources, ARTIST_ID, name=name) for name in names]

    answer = await client.ask(
        """query($ids: [ID!]!) {
          nodes(ids: $ids) { ... on Artist { name albums(first: 1) { totalCount edges { node { id } } } } }
        }""",
        ids=ids,
    )

    assert answer.data["nodes"] == [
        {"name": name, "albums": {"totalCount": 2, "edges": [{"node": {"id": released[name][0]}}]}} for name in names
    ]
    # Where the ids are; the artists; their pages; their counts.
    assert len(answer.statements) == 4


async def test_an_artist_without_albums(client: Client, sources: Sources) -> None:
    guest = fresh("Guest")
    await publish_album(sources, Tags(title="Song", artist=guest, album=fresh("Album"), album_artist=fresh("Owner")))

    answer = await client.ask(ALBUMS, id=await id_of(sources, ARTIST_ID, name=guest))

    assert answer.data["artist"]["albums"] == {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


async def test_top_tracks_are_the_most_played_first(client: Client, sources: Sources) -> None:
    artist, album, songs = fresh("Artist"), fresh("Album"), [fresh("Song") for _ in range(12)]
    await publish_album(
        sources, *(Tags(title=song, artist=artist, album=album, track_number=n) for n, song in enumerate(songs, 1))
    )
    for plays, song in ((30, songs[7]), (20, songs[2]), (20, songs[1])):
        await sources.database.fetch(PLAYED, track=song, plays=plays)
    id = await id_of(sources, ARTIST_ID, name=artist)

    answer = await client.ask(
        "query($id: ID!) { artist(id: $id) { topTracks { title playCount } few: topTracks(first: 2) { title } } }",
        id=id,
    )

    top = [(track["title"], track["playCount"]) for track in answer.data["artist"]["topTracks"]]
    assert top[:3] == [(songs[7], 30), (songs[1], 20), (songs[2], 20)], "equals in the order they came"
    assert top[3:] == [(song, 0) for song in [songs[0], *songs[3:7], *songs[8:10]]]
    assert [track["title"] for track in answer.data["artist"]["few"]] == [songs[7], songs[1]]
    # The artist; ten of its tracks; two of them.
    assert len(answer.statements) == 3


async def test_genres_are_the_most_frequent_first(client: Client, sources: Sources) -> None:
    artist, album = fresh("Artist"), fresh("Album")
    rare, common, middling = fresh("Rare"), fresh("Common"), fresh("Middling")
    await publish_album(
        sources,
        Tags(title="One", artist=artist, album=album, track_number=1, genres=(rare, common)),
        Tags(title="Two", artist=artist, album=album, track_number=2, genres=(middling, common)),
        Tags(title="Three", artist=artist, album=album, track_number=3, genres=(common, middling)),
    )

    answer = await client.ask(
        "query($id: ID!) { artist(id: $id) { genres { name } albums { edges { node { genres { name } } } } } }",
        id=await id_of(sources, ARTIST_ID, name=artist),
    )

    expected = [{"name": name} for name in (common, middling, rare)]
    assert answer.data["artist"] == {"genres": expected, "albums": {"edges": [{"node": {"genres": expected}}]}}


async def test_artwork_where_there_is_one(client: Client, sources: Sources) -> None:
    artist, key = fresh("Artist"), fresh("").strip().ljust(64, "0")
    cover = Cover(key, "image/png", 900, 300, "#123456")
    await publish_album(sources, Tags(title="Song", artist=artist, album=fresh("Album")), made=recording(cover=cover))
    query = """query($id: ID!) {
      artist(id: $id) { name verified monthlyListeners artwork { url width height dominantColor } }
    }"""
    id = await id_of(sources, ARTIST_ID, name=artist)
    plain = {"name": artist, "verified": False, "monthlyListeners": 0, "artwork": None}
    assert (await client.ask(query, id=id)).data["artist"] == plain

    await sources.database.fetch(SHOW, artist=artist, artwork=key)

    assert (await client.ask(query, id=id)).data["artist"] == plain | {
        "artwork": {
            "url": f"http://segue.test/artwork/{key}/600x200.jpg",
            "width": 900,
            "height": 300,
            "dominantColor": "#123456",
        }
    }
