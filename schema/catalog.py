"""The catalogue: artists, albums, tracks, genres. Each type is a view of its table's rows."""

from datetime import date
from operator import attrgetter
from typing import Annotated

import strawberry

from datasources import catalog as rows
from datasources.library import in_library
from domain.accounts import Permission
from domain.catalog import AlbumType
from domain.limits import LimitClass
from domain.streaming import AudioQuality
from resolvers import artwork, catalog, streaming
from schema.fields import guarded, many, of_listener, one
from schema.node import Node, rows_of
from schema.paging import Connection
from schema.scalars import URL
from schema.streaming import StreamGrant

strawberry.enum(AlbumType)


@strawberry.type
class Artwork:
    url: URL = strawberry.field(
        resolver=artwork.url,
        description="Width and height are clamped to the original; the format follows the URL's ending.",
    )
    width: int
    height: int
    dominant_color: str


@strawberry.type
class Genre(Node):
    is_type_of = rows_of(rows.GenreRow)

    id: strawberry.ID
    name: str


@strawberry.type
class Artist(Node):
    is_type_of = rows_of(rows.ArtistRow)

    id: strawberry.ID
    name: str
    verified: bool
    monthly_listeners: int = strawberry.field(description="Distinct listeners over the last 30 days.")
    artwork: Artwork | None = one(rows.artwork_by_key, key="artwork_key")
    genres: list[Genre] = many(rows.genres_of_artist)
    albums: Connection[Annotated["Album", strawberry.lazy("schema.catalog")]] = strawberry.field(
        resolver=catalog.albums_of_artist, description="Newest first."
    )
    followed: bool = of_listener(in_library, description="False when anonymous.")
    top_tracks: list[Annotated["Track", strawberry.lazy("schema.catalog")]] = strawberry.field(
        resolver=catalog.top_tracks_of_artist
    )


@strawberry.type
class Album(Node):
    is_type_of = rows_of(rows.AlbumRow)

    id: strawberry.ID
    title: str
    type: AlbumType
    artist: Artist = one(rows.artist_by_id, key="artist_id")
    release_date: date | None
    upc: str | None
    artwork: Artwork | None = one(rows.artwork_by_key, key="artwork_key")
    genres: list[Genre] = many(rows.genres_of_album)
    tracks: list["Track"] = many(rows.tracks_of_album, description="In disc and track order.")
    track_count: int
    duration_ms: int
    in_library: bool = of_listener(in_library)


@strawberry.type(description="Measured from the audio. Tempo in beats per minute; the others 0..1.")
class AudioFeatures:
    tempo: float
    energy: float
    valence: float
    danceability: float
    acousticness: float


@strawberry.type
class Track(Node):
    is_type_of = rows_of(rows.TrackRow)

    id: strawberry.ID
    title: str
    artist: Artist = one(rows.artist_by_id, key="artist_id")
    album: Album = one(rows.album_by_id, key="album_id")
    disc_number: int
    track_number: int
    duration_ms: int
    explicit: bool
    isrc: str | None
    genres: list[Genre] = many(rows.genres_of_track)
    play_count: int
    features: AudioFeatures | None = one(rows.features_of_track, key="id")
    qualities: list[AudioQuality] = many(
        rows.audio_files_of_track,
        each=attrgetter("quality"),
        description=(
            "The tiers that exist for this recording, best first. A tier above the source's own quality never exists."
        ),
    )
    in_library: bool = of_listener(in_library)
    stream: StreamGrant = guarded(
        streaming.stream,
        needs=Permission.STREAM_BASIC,
        costs=LimitClass.STREAM,
        description=(
            "A signed URL for the best rendition that the listener may hear now: min(preferred, subscription, network, "
            "what exists). `network` and `preferred` default to the request's `X-Network-Type` and "
            "`X-Preferred-Quality` headers, then to WIFI and HI_RES_LOSSLESS."
        ),
    )
    download: StreamGrant = guarded(
        streaming.download,
        needs=Permission.STREAM_DOWNLOAD,
        costs=LimitClass.STREAM,
        description="For offline listening: like `stream`, without the network's limit. Needs stream:download.",
    )


@strawberry.type
class CatalogQuery:
    node: Node | None = strawberry.field(resolver=catalog.node)
    nodes: list[Node | None] = strawberry.field(resolver=catalog.nodes)
    artist: Artist | None = strawberry.field(resolver=catalog.artist)
    album: Album | None = strawberry.field(resolver=catalog.album)
    track: Track | None = strawberry.field(resolver=catalog.track)
    tracks_by_isrc: list[Track] = strawberry.field(
        resolver=catalog.tracks_by_isrc, description="Every recording that carries this ISRC."
    )
    genres: list[Genre] = strawberry.field(resolver=catalog.genres)
