"""Ingest from files to the graph: what goes in comes out, once, as its tags say."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unicodedata import category

import aioboto3
import asyncpg
import av
import httpx
import numpy as np
import pytest
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3, TIT2, TPE1, TRCK

from datasources.objects import CONFIG
from domain.accounts import SubscriptionTier
from settings import Settings
from tests.fixtures.audio import Codec, music, noise, whole_numbers, write_audio
from tests.fixtures.catalogue import Catalogue
from tests.fixtures.tagged import image

RATE = 44_100
ALBUM = """
    title type releaseDate upc trackCount durationMs
    artist { name } genres { name } artwork { width height dominantColor }
    tracks {
      title discNumber trackNumber durationMs isrc qualities
      artist { name } album { title } genres { name } features { tempo }
    }
"""


@pytest.fixture
async def catalogue(settings: Settings, tmp_path: Path) -> AsyncIterator[Catalogue]:
    async with Catalogue.empty(settings, tmp_path / "workspace") as empty:
        yield empty


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "music"
    made.mkdir()
    return made


def song(
    path: Path,
    codec: Codec = "flac",
    *,
    seconds: float = 1.0,
    rate: int = RATE,
    bits: int = 16,
    seed: int = 1,
    **tags: str,
) -> Path:
    """A short file; its title is its name unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # AIFF keeps tags only as ID3.
    options = {"write_id3v2": "1"} if codec == "aiff" else None
    return write_audio(
        path,
        music(seconds, rate, seed=seed),
        rate,
        codec,
        bit_depth=bits,
        tags={"title": path.stem} | tags,
        container_options=options,
    )


def two_albums(folder: Path) -> Path:
    """A set of two discs by one artist, and a compilation; every format once."""
    blue = {"artist": "Ana Lark", "album": "Blue Hours", "album_artist": "Ana Lark", "date": "2019-05-17"}
    disc_1, disc_2 = folder / "Blue Hours" / "CD1", folder / "Blue Hours" / "CD2"
    # Folder order is not disc order, and file order is not track order: the tags decide.
    song(disc_2 / "a.flac", rate=96_000, bits=24, title="Dusk", track="1/2", disc="1/2", genre="Jazz; Soul", **blue)
    guest = blue | {"artist": "Ana Lark feat. Bo"}
    song(disc_1 / "b.mp3", "mp3", seconds=1.5, seed=2, title="Midnight", track="2/2", disc="1/2", genre="Jazz", **guest)
    song(disc_1 / "a.ogg", "vorbis", seconds=1.28, seed=3, title="Dawn", track="1", disc="2", genre="Soul", **blue)
    (folder / "Blue Hours" / "cover.png").write_bytes(image("blue", size=(600, 600)))
    tagged = FLAC(disc_2 / "a.flac")
    tagged["isrc"], tagged["barcode"] = "GB-AYE-19-00001", "4006381333931"
    tagged.save()

    mixed = {"album": "Open Doors", "compilation": "1", "genre": "Electronic", "date": "2021"}
    doors = folder / "Various" / "Open Doors"
    song(doors / "1.m4a", "aac", seed=4, title="Hall", artist="Cy", track="1/5", **mixed)
    song(doors / "2.m4a", "alac", seed=5, title="Attic", artist="Di", track="2/5", **mixed)
    song(doors / "3.wav", "wav", seed=6, title="Cellar", artist="Ed", track="3", **mixed)
    song(doors / "4.aiff", "aiff", seed=7, title="Porch", artist="Flo", track="4", **mixed)
    song(doors / "5.opus", "opus", rate=48_000, seed=8, title="Gate", artist="Cy", track="5", **mixed)
    tagged = FLAC(song(doors / "6.flac", seed=9, title="Garden", artist="Gil", track="6", **mixed))
    cover = Picture()
    cover.type, cover.mime, cover.data = 3, "image/png", image("red", size=(320, 300))
    tagged.add_picture(cover)
    tagged.save()
    return folder


LOSSY = ["AAC_256", "AAC_128"]
LOSSLESS = ["LOSSLESS", *LOSSY]


async def test_two_albums_come_out_as_their_tags_say(catalogue: Catalogue, folder: Path) -> None:
    status, report = await catalogue.ingest(two_albums(folder))

    assert (status, report.problems, report.added, report.albums) == (0, [], 9, 2)
    albums = await catalogue.albums(ALBUM)
    assert list(albums) == ["Blue Hours", "Open Doors"]
    blue, doors = albums.values()

    def listed(album: dict[str, Any], *fields: str) -> list[tuple[Any, ...]]:
        return [tuple(track[field] for field in fields) for track in album["tracks"]]

    fields = ("discNumber", "trackNumber", "title", "durationMs", "qualities")
    assert listed(blue, *fields) == [
        (1, 1, "Dusk", 1000, ["HI_RES_LOSSLESS", *LOSSLESS]),
        (1, 2, "Midnight", 1500, LOSSY),
        (2, 1, "Dawn", 1280, LOSSY),
    ]
    assert [track["artist"]["name"] for track in blue["tracks"]] == ["Ana Lark", "Ana Lark feat. Bo", "Ana Lark"]
    assert [[genre["name"] for genre in track["genres"]] for track in blue["tracks"]] == [
        ["Jazz", "Soul"],
        ["Jazz"],
        ["Soul"],
    ]
    assert [track["isrc"] for track in blue["tracks"]] == ["GBAYE1900001", None, None]
    assert {name: blue[name] for name in ("type", "releaseDate", "upc", "trackCount", "durationMs", "artist")} == {
        "type": "SINGLE",
        "releaseDate": "2019-05-17",
        "upc": "4006381333931",
        "trackCount": 3,
        "durationMs": 3780,
        "artist": {"name": "Ana Lark"},
    }
    assert {genre["name"] for genre in blue["genres"]} == {"Jazz", "Soul"}
    assert blue["artwork"] == {"width": 600, "height": 600, "dominantColor": "#0000ff"}

    assert listed(doors, "trackNumber", "title", "durationMs", "qualities") == [
        (1, "Hall", 1000, LOSSY),
        (2, "Attic", 1000, LOSSLESS),
        (3, "Cellar", 1000, LOSSLESS),
        (4, "Porch", 1000, LOSSLESS),
        (5, "Gate", 1000, LOSSY),
        (6, "Garden", 1000, LOSSLESS),
    ]
    assert [track["artist"]["name"] for track in doors["tracks"]] == ["Cy", "Di", "Ed", "Flo", "Cy", "Gil"]
    assert {name: doors[name] for name in ("type", "releaseDate", "artist", "genres", "artwork")} == {
        "type": "COMPILATION",
        "releaseDate": "2021-01-01",
        "artist": {"name": "Various Artists"},
        "genres": [{"name": "Electronic"}],
        "artwork": {"width": 320, "height": 300, "dominantColor": "#ff0000"},
    }
    assert all(track["features"]["tempo"] > 0 for album in albums.values() for track in album["tracks"])
    assert list(catalogue.workspace.iterdir()) == []


async def test_ingesting_again_changes_nothing_and_decodes_nothing(catalogue: Catalogue, folder: Path) -> None:
    two_albums(folder)
    await catalogue.ingest(folder)
    rows, objects = await catalogue.rows(), await stored_objects(catalogue.settings)
    assert len(rows["ingested_files"]) == 9
    assert rows["staged_files"] == []

    status, report = await catalogue.ingest(folder)

    assert (status, report.added, report.unchanged, report.audio_seconds) == (0, 0, 9, 0.0)
    assert await catalogue.rows() == rows
    assert await stored_objects(catalogue.settings) == objects


async def stored_objects(settings: Settings) -> dict[str, Any]:
    """When every object was last written, by its key."""
    assert settings.aws_secret_access_key
    async with aioboto3.Session().client(
        "s3",
        endpoint_url=str(settings.s3_endpoint_url),
        region_name=settings.aws_region,
        aws_access_key_id=settings.aws_access_key_id,
        aws_secret_access_key=settings.aws_secret_access_key.get_secret_value(),
        config=CONFIG,
    ) as client:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket)
        return {found["Key"]: found["LastModified"] async for page in pages for found in page.get("Contents", [])}


async def test_what_is_broken_is_named_and_everything_else_is_in(catalogue: Catalogue, folder: Path) -> None:
    song(folder / "good.flac", seed=1)
    song(folder / "deeper" / "fine.mp3", "mp3", seed=2)
    (folder / "empty.mp3").touch()
    (folder / "text.mp3").write_text("This is no music. " * 500)
    for name, codec in (("cut.flac", "flac"), ("cut.wav", "wav"), ("cut.ogg", "vorbis"), ("cut.m4a", "aac")):
        whole = song(folder / name, codec, seconds=2, seed=3).read_bytes()  # type: ignore[arg-type]
        (folder / name).write_bytes(whole[: len(whole) // 2])
    os.mkfifo(folder / "pipe.mp3")
    (folder / "loop.mp3").symlink_to("loop.mp3")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "notes.txt").write_text("not audio, not mentioned")
    missing = folder / "no such folder"

    status, report = await catalogue.ingest(folder, missing)

    assert status == 1
    reasons = {problem.path.name: problem.reason for problem in report.problems}
    assert len(reasons) == len(report.problems)
    for name, word in {
        "empty.mp3": "empty",
        "text.mp3": "",
        "cut.flac": "damaged",
        "cut.wav": "cut off",
        "cut.ogg": "cut off",
        "cut.m4a": "cut off",
        "pipe.mp3": "pipe",
        "loop.mp3": "symbolic links",
        "no such folder": "no such file or folder",
    }.items():
        reason = reasons.pop(name)
        assert word in reason
        assert reason.endswith(".")
    assert reasons == {}
    assert set(await catalogue.tracks()) == {"good", "fine"}
    assert len((await catalogue.rows())["ingested_files"]) == 2


async def test_tags_of_any_length_and_any_character(catalogue: Catalogue, folder: Path) -> None:
    long = "".join(chr(0x1D100 + n % 0xF5) for n in range(10_000))
    song(folder / "long.flac", seed=1, title=long, artist=long, album=long, genre=long)
    # One letter that folds to eighteen, among others that do not compress.
    swelling = "".join(f"\ufdfa{chr(0x4E00 + n * 37 % 20_000)}" for n in range(5_000))
    song(folder / "swelling.flac", seed=2, title=swelling, artist=swelling, album=swelling, genre=swelling)
    rude = ID3()
    song(folder / "rude.mp3", "mp3", seed=3)
    rude.add(TIT2(encoding=3, text=["Bell\x07 \x1b[31mred\x1b[0m\r\nline\x85\u202e"]))
    rude.add(TPE1(encoding=3, text=["\x01\x02\x03"]))
    rude.add(TRCK(encoding=3, text=["\x0099999999999999999999/1"]))
    rude.save(folder / "rude.mp3")

    status, report = await catalogue.ingest(folder)

    assert (status, report.problems, report.added) == (0, [], 3)
    titles = list(await catalogue.tracks())
    assert len(titles) == 3
    assert all(1 <= len(title) <= 500 and not set(map(category, title)) & {"Cc", "Cs", "Zl", "Zp"} for title in titles)
    assert next(title for title in titles if title.startswith("Bell")) == "Bell [31mred [0m line"


async def test_a_better_source_improves_the_track_and_a_worse_one_changes_nothing(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    tags = {"title": "Tide", "artist": "Ana Lark", "album": "Shore", "track": "1"}
    await catalogue.ingest(song(tmp_path / "1.mp3", "mp3", **tags))
    before = (await catalogue.tracks())["Tide"]
    assert before["qualities"] == LOSSY

    await catalogue.ingest(song(tmp_path / "2.flac", rate=96_000, bits=24, **tags))
    after = await catalogue.tracks()
    assert after == {"Tide": before | {"qualities": ["HI_RES_LOSSLESS", *LOSSLESS]}}
    rows = await catalogue.rows(but=["ingested_files"])

    status, report = await catalogue.ingest(song(tmp_path / "3.m4a", "aac", seed=2, **tags))

    assert (status, report.added) == (0, 1)
    assert await catalogue.rows(but=["ingested_files"]) == rows
    assert (await catalogue.ingest(tmp_path / "3.m4a"))[1].audio_seconds == 0


async def test_a_file_that_comes_later_joins_its_album(catalogue: Catalogue, folder: Path) -> None:
    tags = {"artist": "Ana Lark", "album": "Shore"}
    song(folder / "2.flac", seed=2, title="Two", track="2/3", **tags)
    song(folder / "3.flac", seed=3, title="Three", track="3/3", **tags)
    await catalogue.ingest(folder)
    before = await catalogue.albums("id trackCount durationMs tracks { id title }")
    assert before["Shore"]["trackCount"] == 2

    song(folder / "1.flac", seed=1, seconds=1.5, title="One", track="1/3", **tags)
    status, report = await catalogue.ingest(folder)

    assert (status, report.added, report.unchanged) == (0, 1, 2)
    after = await catalogue.albums("id trackCount durationMs tracks { id title }")
    assert after["Shore"] | {"tracks": after["Shore"]["tracks"][1:]} == before["Shore"] | {
        "trackCount": 3,
        "durationMs": 3500,
    }
    assert after["Shore"]["tracks"][0]["title"] == "One"


async def test_the_same_content_counts_once(catalogue: Catalogue, folder: Path) -> None:
    original = song(folder / "a.flac", title="Tide", artist="Ana Lark", album="Shore", track="1")
    shutil.copy(original, folder / "b.flac")

    status, report = await catalogue.ingest(folder)

    assert (status, report.added, report.unchanged) == (0, 1, 1)
    assert len(await catalogue.tracks()) == 1


async def test_two_ingests_at_once_leave_what_one_leaves(
    catalogue: Catalogue, settings: Settings, folder: Path
) -> None:
    for album, owner in (("Shore", "Ana Lark"), ("Reef", "Bo")):
        for number in range(1, 4):
            name = f"{album} {number}"
            song(
                folder / album / f"{number}.flac",
                seed=len(name) + number,
                title=name,
                # Each album names the other's artist, in another order.
                artist=("Ana Lark", owner, "Bo")[number - 1],
                album=album,
                album_artist=owner,
                track=str(number),
                genre="Jazz; Soul" if owner == "Bo" else "Soul; Jazz",
            )

    results = await asyncio.gather(catalogue.ingest(folder), catalogue.ingest(folder))

    assert [status for status, _ in results] == [0, 0]
    async with Catalogue.empty(settings, folder.parent / "other workspace") as alone:
        await alone.ingest(folder)
        assert await catalogue.albums(ALBUM) == await alone.albums(ALBUM)
        counts = {table: len(rows) for table, rows in (await catalogue.rows()).items()}
        assert counts == {table: len(rows) for table, rows in (await alone.rows()).items()}
        assert counts["tracks"] == 6
        assert counts["staged_files"] == 0
    await the_database_refuses_doubles(catalogue)


async def the_database_refuses_doubles(catalogue: Catalogue) -> None:
    """The invariants do not rest on ingest alone."""
    for table, generated in {
        "artists": "id",
        "albums": "id",
        "tracks": "id",
        "genres": "id",
        "audio_files": "id",
        "track_genres": "",
        "audio_features": "",
        "ingested_files": "",
    }.items():
        columns = [
            row[0]
            for row in await catalogue.sql(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
                table,
            )
            if row[0] != generated
        ]
        names = ", ".join(columns)
        with pytest.raises(asyncpg.UniqueViolationError):
            await catalogue.sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} LIMIT 1")


STREAM = """
    query($id: ID!, $preferred: AudioQuality!) {
      track(id: $id) { stream(preferred: $preferred, network: WIFI) {
        url quality codec mimeType bitrateKbps sampleRateHz bitDepth sizeBytes
        gapless { encoderDelay padding totalSamples }
      } }
    }
"""


async def test_what_the_graph_promises_is_what_the_url_plays(catalogue: Catalogue, tmp_path: Path) -> None:
    samples = music(1.3, 96_000)
    path = write_audio(tmp_path / "Tide.flac", samples, 96_000, bit_depth=24)
    await catalogue.ingest(path)
    (track,) = (await catalogue.tracks()).values()
    await catalogue.client.sign_in(SubscriptionTier.PREMIUM)
    promised = {
        "HI_RES_LOSSLESS": ("alac", 96_000, 24, samples.shape[1]),
        "LOSSLESS": ("alac", 48_000, 16, samples.shape[1] // 2),
        "AAC_256": ("aac", 44_100, None, 57_330),
        "AAC_128": ("aac", 44_100, None, 57_330),
    }
    assert track["qualities"] == list(promised)

    for quality, (codec, rate, depth, length) in promised.items():
        answer = await catalogue.client.ask(STREAM, id=track["id"], preferred=quality)
        grant = answer.data["track"]["stream"]
        async with httpx.AsyncClient() as web:
            heard = await web.get(grant["url"])
        assert heard.status_code == 200
        assert heard.headers["content-type"] == grant["mimeType"] == "audio/mp4"
        assert len(heard.content) == grant["sizeBytes"]
        (tmp_path / "heard.m4a").write_bytes(heard.content)
        sound, decoder, heard_rate = decoded(tmp_path / "heard.m4a")

        assert (grant["quality"], grant["sampleRateHz"], grant["bitDepth"]) == (quality, rate, depth)
        assert (decoder, heard_rate) == (codec, rate)
        assert grant["codec"] == {"alac": "alac", "aac": "mp4a.40.2"}[codec]
        gapless = grant["gapless"]
        assert gapless["totalSamples"] == length
        assert sound.shape[1] == gapless["encoderDelay"] + length + gapless["padding"]
        trimmed = sound[:, gapless["encoderDelay"] :][:, :length]
        if quality == "HI_RES_LOSSLESS":
            assert np.array_equal(trimmed.astype(np.int64) >> 8, whole_numbers(samples, 24))
        elif depth == 16:
            assert trimmed.dtype == np.int16


async def test_a_rendition_of_many_parts_is_stored_whole(catalogue: Catalogue, tmp_path: Path) -> None:
    """S3 clients send what is over 8 MiB in parts."""
    samples = noise(20 * 96_000, level_dbfs=-10)
    await catalogue.ingest(write_audio(tmp_path / "Static.flac", samples, 96_000, bit_depth=24))

    best = max(await catalogue.sql("SELECT quality, object_key, size_bytes FROM audio_files"))

    assert best["size_bytes"] > 8 * 1024 * 1024
    (tmp_path / "heard.m4a").write_bytes(await catalogue.sources.objects.get(best["object_key"]))
    sound, _, _ = decoded(tmp_path / "heard.m4a")
    assert np.array_equal(sound.astype(np.int64) >> 8, whole_numbers(samples, 24))


def decoded(path: Path) -> tuple[np.ndarray[Any, Any], str, int]:
    """(channels, samples) without any trimming, the decoder's name, and the rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray() for frame in container.decode(stream)]
        return np.concatenate(frames, axis=1), stream.codec_context.name, stream.rate or 0
