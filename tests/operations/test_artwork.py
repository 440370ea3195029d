"""Artwork: the URL that the graph gives, and the picture behind it."""

from io import BytesIO
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from PIL import Image

from datasources.sources import Sources
from domain.recording import Cover
from ingest.artwork import read_artwork
from ingest.store import store_cover
from ingest.tags import Tags
from settings import Settings
from tests.fixtures.client import Answer, Client
from tests.fixtures.music import fresh, publish_album, recording

QUERY = """
    query($id: ID!, $width: Int = 600, $height: Int = 600) {
      album(id: $id) { artwork { width height dominantColor url(width: $width, height: $height) plain: url } }
    }
"""


class Shown(NamedTuple):
    """An album with a cover."""

    album_id: str
    key: str


async def with_cover(sources: Sources, width: int, height: int) -> Shown:
    """An album with a stored cover: red, with a corner that makes it one of a kind."""
    picture = Image.new("RGB", (width, height), "#cc2211")
    picture.putpixel((0, 0), tuple(uuid4().bytes[:3]))
    picture.putpixel((1, 0), tuple(uuid4().bytes[:3]))
    out = BytesIO()
    picture.save(out, "PNG")
    artwork = read_artwork(out.getvalue())
    assert artwork
    cover = await store_cover(sources, artwork)
    return Shown(await published(sources, cover), cover.key)


async def published(sources: Sources, cover: Cover | None) -> str:
    tags = Tags(title="Song", artist=fresh("Artist"), album=fresh("Album"))
    return await publish_album(sources, tags, made=recording(cover=cover))


@pytest.fixture(scope="module")
async def shown(sources: Sources) -> Shown:
    return await with_cover(sources, 1000, 800)


async def artwork(client: Client, shown: Shown, **size: Any) -> Any:
    answer = await client.ask(QUERY, id=shown.album_id, **size)
    assert len(answer.statements) == 2
    return answer.data["album"]["artwork"]


async def test_a_cover_with_its_colour_and_address(client: Client, shown: Shown) -> None:
    assert await artwork(client, shown) == {
        "width": 1000,
        "height": 800,
        "dominantColor": "#cc2211",
        "url": f"http://segue.test/artwork/{shown.key}/600x480.jpg",
        "plain": f"http://segue.test/artwork/{shown.key}/600x480.jpg",
    }


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ({"width": 300, "height": 300}, "300x240"),
        ({"width": 1000, "height": 80}, "100x80"),
        ({"width": 5000, "height": 5000}, "1000x800"),
        ({"width": 1000, "height": 800}, "1000x800"),
        ({"width": 1, "height": 1}, "1x1"),
        ({"width": None, "height": None}, "600x480"),
    ],
)
async def test_the_size_fits_into_what_is_asked_for_and_is_never_enlarged(
    client: Client, shown: Shown, asked: Any, served: str
) -> None:
    assert (await artwork(client, shown, **asked))["url"].endswith(f"/{served}.jpg")


@pytest.mark.parametrize("size", [{"width": 0}, {"height": -1}, {"width": -600, "height": -600}])
async def test_no_picture_has_no_size(client: Client, shown: Shown, size: Any) -> None:
    answer = await client.ask(QUERY, id=shown.album_id, **size)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.body["data"] == {"album": {"artwork": None}}


async def test_an_album_without_a_cover(client: Client, sources: Sources) -> None:
    answer: Answer = await client.ask(QUERY, id=await published(sources, None))

    assert answer.data["album"] == {"artwork": None}


async def test_the_address_is_the_one_that_clients_know(sources: Sources, settings: Settings, shown: Shown) -> None:
    public = Settings.model_validate(settings.model_dump() | {"public_url": "https://music.example/"})
    async with Client.of(sources, public) as client:
        url = (await artwork(client, shown))["url"]

    assert url == f"https://music.example/artwork/{shown.key}/600x480.jpg"


@pytest.mark.parametrize(
    ("ending", "kind", "media_type"),
    [("jpg", "JPEG", "image/jpeg"), ("png", "PNG", "image/png"), ("webp", "WEBP", "image/webp")],
)
async def test_the_ending_says_the_format(
    client: Client, shown: Shown, ending: str, kind: str, media_type: str
) -> None:
    answer = await client.http.get(f"/artwork/{shown.key}/250x200.{ending}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    with Image.open(BytesIO(answer.content)) as picture:
        picture.load()
        middle = picture.convert("RGB").getpixel((125, 100))
        assert (picture.format, picture.size) == (kind, (250, 200))
    assert isinstance(middle, tuple)
    assert all(abs(got - meant) < 8 for got, meant in zip(middle, (0xCC, 0x22, 0x11), strict=True))


@pytest.mark.parametrize("size", [(1000, 800), (1000, 332), (663, 300), (300, 663), (601, 599), (2, 1), (900, 2)])
async def test_the_address_leads_straight_to_the_picture(
    client: Client, sources: Sources, size: tuple[int, int]
) -> None:
    shown = await with_cover(sources, *size)
    url = (await artwork(client, shown))["url"]

    answer = await client.http.get(url)

    assert answer.status_code == 200, answer.headers.get("location")
    with Image.open(BytesIO(answer.content)) as picture:
        assert f"/{picture.width}x{picture.height}.jpg" in url


@pytest.mark.parametrize(("size", "fitting"), [("300x300", "300x240"), ("99999x99999", "1000x800"), ("7x800", "7x6")])
async def test_a_size_that_does_not_fit_leads_to_the_one_that_does(
    client: Client, shown: Shown, size: str, fitting: str
) -> None:
    answer = await client.http.get(f"/artwork/{shown.key}/{size}.webp")

    assert answer.status_code == 302
    assert answer.next_request is not None
    assert answer.next_request.url.path == f"/artwork/{shown.key}/{fitting}.webp"


async def test_what_is_not_there(client: Client, sources: Sources, shown: Shown) -> None:
    lost = Cover(uuid4().hex * 2, "image/png", 100, 100, "#000000")
    await published(sources, lost)
    addresses = [
        f"{'0' * 64}/100x80.jpg",
        f"{shown.key.upper()}/100x80.jpg",
        f"{shown.key[:-1]}/100x80.jpg",
        f"{shown.key}/100x80.gif",
        f"{shown.key}/100x80",
        f"{shown.key}/0x80.jpg",
        f"{shown.key}/-1x80.jpg",
        f"{shown.key}/100000x80.jpg",
        f"{shown.key}/100x80.jpg%0A",
        f"{lost.key}/100x100.jpg",
        "..%2F..%2Fsettings.py/1x1.jpg",
    ]

    statuses = {address: (await client.http.get(f"/artwork/{address}")).status_code for address in addresses}

    assert statuses == dict.fromkeys(addresses, 404)
    assert (await client.http.post(f"/artwork/{shown.key}/100x80.jpg")).status_code == 405
