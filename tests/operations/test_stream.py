"""`Track.stream` and `Track.download`: the decision, its reasons, and a URL that plays."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from datasources.sources import Sources
from domain.accounts import Role, SubscriptionTier
from domain.loudness import Loudness
from domain.recording import Recording
from domain.streaming import AudioQuality
from ingest.tags import Tags
from tests.fixtures.client import Client
from tests.fixtures.music import ALL, TRACK_ID, fresh, id_of, publish_album, recording

FREE, VOICE, INDIVIDUAL, PREMIUM = SubscriptionTier
STREAM = """
    query($id: ID!, $network: NetworkType, $preferred: AudioQuality) {
      track(id: $id) { stream(network: $network, preferred: $preferred) { url quality limitedBy } }
    }
"""
DOWNLOAD = """
    query($id: ID!, $preferred: AudioQuality) {
      track(id: $id) { download(preferred: $preferred) { quality limitedBy } }
    }
"""


async def published(sources: Sources, made: Recording) -> str:
    """A track of this recording; its id."""
    song = fresh("Song")
    await publish_album(sources, Tags(title=song, artist=fresh("Artist"), album=fresh("Album")), made=made)
    return await id_of(sources, TRACK_ID, title=song)


@pytest.fixture(scope="module")
async def track(sources: Sources) -> str:
    """A track in every tier."""
    return await published(sources, recording(ALL))


async def granted(client: Client, id: str, headers: Mapping[str, str] | None = None, **asked: str) -> Any:
    """The quality granted, and its reasons."""
    answer = await client.ask(STREAM, headers=dict(headers or {}), id=id, **asked)
    grant = answer.data["track"]["stream"]
    # The track; its renditions; its loudness.
    assert len(answer.statements) == 3
    return grant["quality"], grant["limitedBy"]


@pytest.mark.parametrize(
    ("tier", "wifi", "five_g", "lte", "three_g"),
    [
        (FREE, "AAC_128 SUBSCRIPTION", "AAC_128 SUBSCRIPTION", "AAC_128 SUBSCRIPTION", "AAC_128 SUBSCRIPTION NETWORK"),
        (VOICE, "AAC_256 SUBSCRIPTION", "AAC_256 SUBSCRIPTION", "AAC_256 SUBSCRIPTION NETWORK", "AAC_128 NETWORK"),
        (INDIVIDUAL, "LOSSLESS SUBSCRIPTION", "LOSSLESS SUBSCRIPTION NETWORK", "AAC_256 NETWORK", "AAC_128 NETWORK"),
        (PREMIUM, "HI_RES_LOSSLESS", "LOSSLESS NETWORK", "AAC_256 NETWORK", "AAC_128 NETWORK"),
    ],
)
async def test_each_tier_on_each_network(
    client: Client, track: str, tier: SubscriptionTier, wifi: str, five_g: str, lte: str, three_g: str
) -> None:
    await client.sign_in(tier)

    for network, expected in {"WIFI": wifi, "FIVE_G": five_g, "LTE": lte, "THREE_G": three_g}.items():
        quality, *limited_by = expected.split()
        assert await granted(client, track, network=network) == (quality, limited_by)


async def test_headers_are_the_defaults_and_arguments_beat_them(client: Client, track: str) -> None:
    await client.sign_in(PREMIUM)
    phone = {"X-Network-Type": "lte", "X-Preferred-Quality": "LOSSLESS"}

    assert await granted(client, track) == ("HI_RES_LOSSLESS", [])
    assert await granted(client, track, phone) == ("AAC_256", ["NETWORK"])
    assert await granted(client, track, phone, network="WIFI") == ("LOSSLESS", ["PREFERENCE"])
    assert await granted(client, track, phone, preferred="AAC_128") == ("AAC_128", ["PREFERENCE"])
    assert await granted(client, track, phone, network="WIFI", preferred="HI_RES_LOSSLESS") == ("HI_RES_LOSSLESS", [])
    assert await granted(client, track, {"X-Network-Type": "5G"}) == ("LOSSLESS", ["NETWORK"])
    assert await granted(client, track, {"X-Network-Type": "nonsense"}, network="LTE") == ("AAC_256", ["NETWORK"])


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("X-Network-Type", "WIFI, FIVE_G, LTE, THREE_G"),
        ("X-Preferred-Quality", "AAC_128, AAC_256, LOSSLESS, HI_RES_LOSSLESS"),
    ],
)
@pytest.mark.parametrize("value", ["", "carrier pigeon", "x" * 5_000])
async def test_a_header_of_another_word_is_refused(
    client: Client, track: str, header: str, values: str, value: str
) -> None:
    await client.sign_in(PREMIUM)

    answer = await client.ask(STREAM, headers={header: value}, id=track)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"The header {header} is one of {values}; it is {value[:40]!r}."]
    assert answer.body["data"] == {"track": None}


@pytest.mark.parametrize("field", ["stream", "download"])
async def test_nothing_plays_for_nobody(client: Client, track: str, field: str) -> None:
    answer = await client.ask("query($id: ID!) { track(id: $id) { FIELD { url } } }".replace("FIELD", field), id=track)

    assert answer.codes == ["UNAUTHENTICATED"]
    assert "Sign in first" in answer.messages[0]
    assert answer.body["data"] == {"track": None}
    assert "X-Amz" not in answer.response.text
    assert len(answer.statements) == 1, "only the track was read"


@pytest.mark.parametrize("tier", [FREE, VOICE])
async def test_downloads_need_their_permission(client: Client, track: str, tier: SubscriptionTier) -> None:
    await client.sign_in(tier)

    answer = await client.ask(DOWNLOAD, id=track)

    assert answer.codes == ["FORBIDDEN"]
    assert "stream:download" in answer.messages[0]
    assert answer.body["data"] == {"track": None}
    assert len(answer.statements) == 1, "only the track was read"


async def test_downloads_do_not_mind_the_network(client: Client, track: str) -> None:
    await client.sign_in(PREMIUM)
    slow = {"X-Network-Type": "THREE_G"}

    best = await client.ask(DOWNLOAD, headers=slow, id=track)
    smaller = await client.ask(DOWNLOAD, headers=slow | {"X-Preferred-Quality": "AAC_256"}, id=track)

    assert best.data["track"]["download"] == {"quality": "HI_RES_LOSSLESS", "limitedBy": []}
    assert smaller.data["track"]["download"] == {"quality": "AAC_256", "limitedBy": ["PREFERENCE"]}


async def test_a_role_opens_no_better_tier_than_was_paid(client: Client, track: str) -> None:
    await client.sign_in(FREE, Role.CURATOR)

    assert await granted(client, track) == ("AAC_128", ["SUBSCRIPTION"])


async def test_a_lossy_recording_is_its_own_limit(client: Client, sources: Sources) -> None:
    await client.sign_in(PREMIUM)
    id = await published(sources, recording([AudioQuality.AAC_256, AudioQuality.AAC_128]))

    assert await granted(client, id) == ("AAC_256", ["SOURCE"])
    assert await granted(client, id, network="LTE") == ("AAC_256", ["NETWORK", "SOURCE"])
    assert await granted(client, id, network="THREE_G") == ("AAC_128", ["NETWORK"])


async def test_a_track_without_anything_low_enough_is_not_found(client: Client, sources: Sources) -> None:
    await client.sign_in(FREE)
    id = await published(sources, recording([AudioQuality.LOSSLESS]))

    answer = await client.ask(STREAM, id=id)

    assert answer.codes == ["NOT_FOUND"]
    assert answer.body["data"] == {"track": None}


@pytest.mark.parametrize("loudness", [Loudness(-9.5, 0.3), None])
async def test_a_grant_says_what_a_player_needs(client: Client, sources: Sources, loudness: Loudness | None) -> None:
    await client.sign_in(INDIVIDUAL)
    made = recording(ALL, duration_ms=200_000, loudness=loudness)
    renditions = tuple(
        replace(each, encoder_delay=2112, padding=417, total_samples=8_820_001) for each in made.renditions
    )
    id = await published(sources, replace(made, renditions=renditions))
    before = datetime.now(UTC).replace(microsecond=0)

    answer = await client.ask(
        """query($id: ID!) { track(id: $id) { stream {
          url expiresAt quality codec mimeType bitrateKbps sampleRateHz bitDepth sizeBytes
          gapless { encoderDelay padding totalSamples } loudness { integratedLufs truePeakDb } licence { keyId }
        } } }""",
        id=id,
    )

    grant = answer.data["track"]["stream"]
    url, expires_at = urlsplit(grant.pop("url")), datetime.fromisoformat(grant.pop("expiresAt"))
    assert grant == {
        "quality": "LOSSLESS",
        "codec": "alac",
        "mimeType": "audio/mp4",
        "bitrateKbps": 900,
        "sampleRateHz": 44_100,
        "bitDepth": 16,
        "sizeBytes": 22_500_000,
        "gapless": {"encoderDelay": 2112, "padding": 417, "totalSamples": 8_820_001},
        "loudness": loudness and {"integratedLufs": -9.5, "truePeakDb": 0.3},
        "licence": None,
    }
    assert url.path.endswith(renditions[1].object_key)
    signed = datetime.strptime(parse_qs(url.query)["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
    assert before <= signed <= datetime.now(UTC)
    assert expires_at == signed + timedelta(hours=1)
    assert parse_qs(url.query)["X-Amz-Expires"] == ["3600"]


async def test_an_album_of_grants_costs_what_one_does(client: Client, sources: Sources) -> None:
    await client.sign_in(PREMIUM)
    album = fresh("Album")
    songs = [
        Tags(title=fresh("Song"), artist=fresh("A"), album=album, album_artist="B", track_number=n) for n in range(20)
    ]
    id = await publish_album(sources, *songs)

    answer = await client.ask("query($id: ID!) { album(id: $id) { tracks { stream { quality url } } } }", id=id)

    grants = [track["stream"] for track in answer.data["album"]["tracks"]]
    assert {grant["quality"] for grant in grants} == {"LOSSLESS"}
    assert len({grant["url"] for grant in grants}) == 20
    # The album; its tracks; their renditions; their loudness.
    assert len(answer.statements) == 4


class Stored(NamedTuple):
    """A track whose audio is there, under a URL that was just granted."""

    url: str
    key: str
    data: bytes


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Any HTTP client: one that knows nothing of us."""
    async with httpx.AsyncClient() as plain:
        yield plain


async def stored(client: Client, sources: Sources, data: bytes) -> Stored:
    made = recording([AudioQuality.AAC_128])
    key = made.renditions[0].object_key
    await sources.objects.put(key, data, "audio/mp4")
    if "authorization" not in client.headers:
        await client.sign_in()
    answer = await client.ask(STREAM, id=await published(sources, made))
    return Stored(answer.data["track"]["stream"]["url"], key, data)


async def test_a_granted_url_plays_whole_and_in_ranges(
    client: Client, sources: Sources, http: httpx.AsyncClient
) -> None:
    song = await stored(client, sources, bytes(range(256)) * 1000)

    whole = await http.get(song.url)
    part = await http.get(song.url, headers={"range": "bytes=1000-1999"})
    tail = await http.get(song.url, headers={"range": "bytes=-10"})

    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, song.data, "audio/mp4")
    assert (part.status_code, part.content) == (206, song.data[1000:2000])
    assert part.headers["content-range"] == "bytes 1000-1999/256000"
    assert (tail.status_code, tail.content) == (206, song.data[-10:])


async def test_a_changed_url_is_refused(client: Client, sources: Sources, http: httpx.AsyncClient) -> None:
    one, other = [await stored(client, sources, name) for name in (b"one", b"other")]

    changed = {
        "a character of the signature": one.url[:-1] + ("0" if one.url[-1] != "0" else "1"),
        "another track's key": one.url.replace(one.key, other.key),
        "a longer life": one.url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
        "a later signing": one.url.replace("X-Amz-Date=2", "X-Amz-Date=3"),
        "nothing but the address": one.url.partition("?")[0],
    }

    assert (await http.get(one.url)).content == b"one"
    assert {what: (await http.get(url)).status_code for what, url in changed.items()} == dict.fromkeys(changed, 403)
    assert (await http.put(one.url, content=b"mine")).status_code == 403
    assert (await http.delete(one.url)).status_code == 403
    assert (await http.get(one.url)).content == b"one"


async def test_an_expired_url_is_refused(client: Client, sources: Sources, http: httpx.AsyncClient) -> None:
    song = await stored(client, sources, b"song")
    now = datetime.now(UTC)

    old = sources.objects.signed_url(song.key, now=now - timedelta(seconds=3_605), seconds=3_600)
    young = sources.objects.signed_url(song.key, now=now - timedelta(seconds=3_500), seconds=3_600)

    assert (await http.get(old)).status_code == 403
    assert (await http.get(young)).content == b"song"
