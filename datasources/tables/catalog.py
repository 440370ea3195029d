"""The catalogue: reference data, the same for every listener. Its tables hold only what is published.

Keys named `…_key` are comparison forms of a name (folded), unique, and never shown.
"""

from datetime import date
from uuid import UUID

from pgvector.sqlalchemy import Vector
from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from datasources.tables.columns import defaults_to, primary_id, reference, table

NEWEST_FIRST = "coalesce(release_date, '-infinity'::date)"
"""What albums are ordered by, descending. An unknown date comes last, and never is NULL, which compares to nothing."""


class Artwork(SQLModel, table=True):
    """A picture, once for all who show it. `key` is the SHA-256 of its bytes; the object is `artwork/{key}`."""

    __tablename__ = "artworks"

    key: str = Field(primary_key=True)
    content_type: str
    width: int
    height: int
    dominant_color: str


class Artist(SQLModel, table=True):
    __tablename__ = "artists"

    id: UUID = primary_id()
    name: str
    name_key: str = Field(unique=True)
    verified: bool = defaults_to("false")
    monthly_listeners: int = defaults_to("0")
    artwork_key: str | None = Field(default=None, foreign_key="artworks.key")


class Album(SQLModel, table=True):
    """`track_count` and `duration_ms` are kept by the transaction that publishes its tracks."""

    __tablename__ = "albums"
    __table_args__ = (
        Index("albums_of_artist_by_title", "artist_id", "title_key", unique=True),
        Index("albums_of_artist_newest_first", "artist_id", text(f"{NEWEST_FIRST} DESC"), text("id DESC")),
    )

    id: UUID = primary_id()
    title: str
    title_key: str
    artist_id: UUID = reference("artists.id")
    type: str
    release_date: date | None = None
    upc: str | None = None
    artwork_key: str | None = Field(default=None, foreign_key="artworks.key")
    track_count: int
    duration_ms: int = Field(sa_type=BigInteger)


class Track(SQLModel, table=True):
    __tablename__ = "tracks"
    __table_args__ = (
        Index("tracks_of_album_in_order", "album_id", "disc_number", "track_number", "title_key", unique=True),
        Index("tracks_of_artist_by_plays", "artist_id", text("play_count DESC"), "id"),
        Index("tracks_by_isrc", "isrc", postgresql_where=text("isrc IS NOT NULL")),
    )

    id: UUID = primary_id()
    title: str
    title_key: str
    album_id: UUID = reference("albums.id")
    artist_id: UUID = reference("artists.id")
    disc_number: int = Field(sa_type=SmallInteger)
    track_number: int = Field(sa_type=SmallInteger)
    duration_ms: int
    explicit: bool
    isrc: str | None = None
    play_count: int = defaults_to("0", sa_type=BigInteger)


class Genre(SQLModel, table=True):
    __tablename__ = "genres"

    id: UUID = primary_id()
    name: str
    name_key: str = Field(unique=True)


class TrackGenre(SQLModel, table=True):
    """`position` keeps the order of the tags."""

    __tablename__ = "track_genres"

    track_id: UUID = reference("tracks.id", primary_key=True)
    genre_id: UUID = reference("genres.id", primary_key=True, index=True)
    position: int = Field(sa_type=SmallInteger)


class AlbumGenre(SQLModel, table=True):
    __tablename__ = "album_genres"

    album_id: UUID = reference("albums.id", primary_key=True)
    genre_id: UUID = reference("genres.id", primary_key=True, index=True)
    position: int = Field(sa_type=SmallInteger)


class ArtistGenre(SQLModel, table=True):
    __tablename__ = "artist_genres"

    artist_id: UUID = reference("artists.id", primary_key=True)
    genre_id: UUID = reference("genres.id", primary_key=True, index=True)
    position: int = Field(sa_type=SmallInteger)


class AudioFile(SQLModel, table=True):
    """One rendition of a recording. `quality` is AudioQuality's number; the last three are samples at its rate."""

    __tablename__ = "audio_files"
    __table_args__ = (Index("audio_files_of_track", "track_id", "quality", unique=True),)

    id: UUID = primary_id()
    track_id: UUID = reference("tracks.id")
    quality: int = Field(sa_type=SmallInteger)
    codec: str
    bitrate_kbps: int
    sample_rate_hz: int
    bit_depth: int | None = Field(default=None, sa_type=SmallInteger)
    size_bytes: int = Field(sa_type=BigInteger)
    object_key: str
    encoder_delay: int
    padding: int
    total_samples: int = Field(sa_type=BigInteger)
    key_id: UUID | None = None
    """The content key, when the rendition is encrypted."""


class AudioFeatures(SQLModel, table=True):
    """What was measured from the audio. Loudness is null where there is nothing to hear."""

    __tablename__ = "audio_features"

    track_id: UUID = reference("tracks.id", primary_key=True)
    tempo: float
    energy: float
    valence: float
    danceability: float
    acousticness: float
    integrated_lufs: float | None = None
    true_peak_db: float | None = None
    profile: list[float] = Field(sa_type=Vector(4))
    """The weighted features, so that pgvector's L1 distance is the radio's distance."""


artworks, artists, albums, tracks, genres = table(Artwork), table(Artist), table(Album), table(Track), table(Genre)
track_genres, album_genres, artist_genres = table(TrackGenre), table(AlbumGenre), table(ArtistGenre)
audio_files, audio_features = table(AudioFile), table(AudioFeatures)
