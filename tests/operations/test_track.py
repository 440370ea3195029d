"""`track(id:)` and `tracksByIsrc`."""

from random import randrange

import pytest
from sqlalchemy import bindparam, update

from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.catalog import tracks
from domain.streaming import AudioQuality
from ingest.tags import Tags
from tests.fixtures.client import Client
from tests.fixtures.music import ALL, TRACK_ID, fresh, id_of, publish_album, recording

TRACK = """
    query($id: ID!) {
      track(id: $id) {
        id title discNumber trackNumber durationMs explicit isrc playCount qualities
        artist { name } album { id title artist { name } } genres { name }
        features { tempo energy valence danceability acousticness }
      }
    }
"""
BY_ISRC = "query($isrc: String!) { tracksByIsrc(isrc: $isrc) { id isrc } }"
PLAYED = Statement(update(tracks).where(tracks.c.title == bindparam("track")).values(play_count=bindparam("plays")))


async def test_a_track_with_everything(client: Client, sources: Sources) -> None:
    song, artist, owner, album = fresh("Song"), fresh("Artist"), fresh("Owner"), fresh("Album")
    genres = (fresh("Zydeco"), fresh("Ambient"), fresh("Minimal"))
    album_id = await publish_album(
        sources,
        Tags(
            title=song,
            artist=artist,
            album=album,
            album_artist=owner,
            disc_number=2,
            track_number=7,
            genres=genres,
            isrc="GBAYE7500101",
            explicit=True,
        ),
        made=recording(ALL, duration_ms=5_400_000),
    )
    await sources.database.fetch(PLAYED, track=song, plays=3_000_000)
    id = await id_of(sources, TRACK_ID, title=song)

    answer = await client.ask(TRACK, id=id)

    assert answer.data["track"] == {
        "id": id,
        "title": song,
        "discNumber": 2,
        "trackNumber": 7,
        "durationMs": 5_400_000,
        "explicit": True,
        "isrc": "GBAYE7500101",
        "playCount": 3_000_000,
        "qualities": ["HI_RES_LOSSLESS", "LOSSLESS", "AAC_256", "AAC_128"],
        "artist": {"name": artist},
        "album": {"id": album_id, "title": album, "artist": {"name": owner}},
        # In the order of the tags.
        "genres": [{"name": name} for name in genres],
        "features": {"tempo": 120.0, "energy": 0.5, "valence": 0.6, "danceability": 0.7, "acousticness": 0.2},
    }
    # The track; its artist; its album; the album's artist; genres; features; renditions.
    assert len(answer.statements) == 7


async def test_a_lossy_recording_has_no_lossless_tier(client: Client, sources: Sources) -> None:
    song = fresh("Song")
    await publish_album(
        sources,
        Tags(title=song, artist=fresh("Artist"), album=fresh("Album")),
        made=recording([AudioQuality.AAC_128, AudioQuality.AAC_256]),
    )

    answer = await client.ask(
        "query($id: ID!) { track(id: $id) { qualities isrc genres { name } explicit } }",
        id=await id_of(sources, TRACK_ID, title=song),
    )

    assert answer.data["track"] == {
        "qualities": ["AAC_256", "AAC_128"],
        "isrc": None,
        "genres": [],
        "explicit": False,
    }


async def test_every_recording_of_an_isrc(client: Client, sources: Sources) -> None:
    isrc = f"DEXX1{randrange(10_000_000):07}"
    found = []
    for _ in range(2):
        song = fresh("Song")
        await publish_album(sources, Tags(title=song, artist=fresh("Artist"), album=fresh("Album"), isrc=isrc))
        found.append({"id": await id_of(sources, TRACK_ID, title=song), "isrc": isrc})

    for spelling in (isrc, isrc.lower(), f" {isrc[:2]}-{isrc[2:5]}-{isrc[5:7]}-{isrc[7:]} "):
        answer = await client.ask(BY_ISRC, isrc=spelling)
        assert answer.data["tracksByIsrc"] == found
        assert len(answer.statements) == 1


async def test_an_isrc_that_nobody_has(client: Client) -> None:
    assert (await client.ask(BY_ISRC, isrc="ZZZZZ0000000")).data["tracksByIsrc"] == []


@pytest.mark.parametrize(
    "isrc", ["", "GBAYE750010", "GBAYE75001011", "12AYE7500101", "GBAYE75O0101", "x" * 5_000, "\ud800"]
)
async def test_what_is_no_isrc_is_refused(client: Client, isrc: str) -> None:
    answer = await client.ask(BY_ISRC, isrc=isrc)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "is not an ISRC" in answer.messages[0]
    assert len(answer.messages[0]) < 500
    assert answer.statements == []
