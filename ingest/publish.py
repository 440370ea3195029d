"""Bring an album into the catalogue: all of its files that are ready, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from datasources.publishing import Publication
from datasources.sources import Sources
from domain.catalog import album_type
from domain.metadata import fold
from domain.recording import Recording
from ingest.albums import AlbumPlan
from ingest.prepare import Examined
from ingest.problems import display


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """A file whose recording is stored. `file` carries its tags, with the numbers that the album gave it."""

    file: Examined
    recording: Recording


async def publish(sources: Sources, album: AlbumPlan, ready: Sequence[ReadyFile]) -> None:
    """Publish the files of `album` that are ready; those of earlier runs stay beside them."""
    async with Publication.begin(sources) as publication:
        owner = await publication.artist(album.artist, fold(album.artist))
        album_id = await publication.album(
            title=album.title,
            title_key=fold(album.title),
            artist_id=owner,
            release_date=album.release_date,
            upc=album.upc,
            cover=next((each.recording.cover for each in ready if each.recording.cover), None),
        )
        artists = {owner}
        for each in ready:
            artists.add(await publish_track(publication, album_id, each))
        await publication.album_genres(album_id)
        for artist_id in sorted(artists):
            await publication.artist_genres(artist_id)
        totals = await publication.album_totals(album_id)
        kind = album_type(
            album.release_types, album.compilation, totals.tracks, int(totals.duration_ms), totals.longest_ms
        )
        await publication.count_album(album_id, kind.value, totals.tracks, int(totals.duration_ms))


async def publish_track(publication: Publication, album_id: UUID, ready: ReadyFile) -> UUID:
    """Publish one file; the id of its artist."""
    tags = ready.file.tags
    artist_id = await publication.artist(tags.artist, fold(tags.artist))
    track_id = await publication.track(
        ready.recording,
        title=tags.title,
        title_key=fold(tags.title),
        album_id=album_id,
        artist_id=artist_id,
        disc_number=tags.disc_number,
        track_number=tags.track_number,
        explicit=tags.explicit,
        isrc=tags.isrc,
    )
    genre_ids = [await publication.genre(name, fold(name)) for name in tags.genres]
    await publication.track_genres(track_id, genre_ids)
    await publication.done(ready.file.content_hash, track_id, ready.recording, display(ready.file.path))
    return artist_id
