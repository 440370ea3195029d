"""`album(id:)` and what hangs on it."""

from datasources.sources import Sources
from ingest.tags import Tags
from tests.fixtures.client import Client
from tests.fixtures.music import fresh, publish_album

ALBUM = """
    query($id: ID!) {
      album(id: $id) { title artist { name } tracks { title durationMs artist { name } qualities } }
    }
"""


async def test_an_album_with_its_tracks(client: Client, sources: Sources) -> None:
    title, artist = fresh("Album"), fresh("Artist")
    tags = [Tags(title=f"Song {n}", artist=artist, album=title, track_number=n) for n in (2, 1, 3)]
    id = await publish_album(sources, *tags)

    answer = await client.ask(ALBUM, id=id)

    assert answer.data["album"] == {
        "title": title,
        "artist": {"name": artist},
        "tracks": [
            {
                "title": f"Song {n}",
                "durationMs": 180_000,
                "artist": {"name": artist},
                "qualities": ["LOSSLESS", "AAC_256", "AAC_128"],
            }
            for n in (1, 2, 3)
        ],
    }


async def test_it_costs_the_same_statements_at_any_size(client: Client, sources: Sources) -> None:
    small = await publish_album(sources, Tags(title="Only one", artist=fresh("Artist"), album=fresh("Album")))
    title, owner = fresh("Album"), fresh("Owner")
    large = await publish_album(
        sources,
        *(
            Tags(title=f"Song {n}", artist=fresh("Guest"), album=title, album_artist=owner, track_number=n)
            for n in range(1, 61)
        ),
    )

    of_small, of_large = [await client.ask(ALBUM, id=id) for id in (small, large)]

    assert len(of_large.data["album"]["tracks"]) == 60
    # album; its artist; its tracks; their artists; their renditions
    assert len(of_large.statements) == 5
    # One artist on both levels is loaded once.
    assert len(of_small.statements) == 4
