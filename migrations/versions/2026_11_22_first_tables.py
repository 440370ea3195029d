"""first tables

Revision ID: 0001
Create Date: 2026-11-22 15:30:08.637742
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A migration that cannot get its lock at once gives up instead of queueing every reader behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "artworks",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("dominant_color", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "genres",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key"),
    )
    op.create_table(
        "staged_files",
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("recording", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("content_hash"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("username_key", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), server_default=sa.text("'FREE'"), nullable=False),
        sa.Column("role", sa.String(), server_default=sa.text("'USER'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username_key"),
    )
    op.create_table(
        "artists",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("monthly_listeners", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("artwork_key", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["artwork_key"],
            ["artworks.key"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key"),
    )
    op.create_table(
        "albums",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_key", sa.String(), nullable=False),
        sa.Column("artist_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("release_date", sa.Date(), nullable=True),
        sa.Column("upc", sa.String(), nullable=True),
        sa.Column("artwork_key", sa.String(), nullable=True),
        sa.Column("track_count", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["artwork_key"],
            ["artworks.key"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("albums_of_artist_by_title", "albums", ["artist_id", "title_key"], unique=True)
    op.create_index(
        "albums_of_artist_newest_first",
        "albums",
        [
            "artist_id",
            sa.literal_column("coalesce(release_date, '-infinity'::date) DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_table(
        "artist_genres",
        sa.Column("artist_id", sa.Uuid(), nullable=False),
        sa.Column("genre_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["genre_id"], ["genres.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("artist_id", "genre_id"),
    )
    op.create_index(op.f("ix_artist_genres_genre_id"), "artist_genres", ["genre_id"], unique=False)
    op.create_table(
        "album_genres",
        sa.Column("album_id", sa.Uuid(), nullable=False),
        sa.Column("genre_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["genre_id"], ["genres.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("album_id", "genre_id"),
    )
    op.create_index(op.f("ix_album_genres_genre_id"), "album_genres", ["genre_id"], unique=False)
    op.create_table(
        "tracks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_key", sa.String(), nullable=False),
        sa.Column("album_id", sa.Uuid(), nullable=False),
        sa.Column("artist_id", sa.Uuid(), nullable=False),
        sa.Column("disc_number", sa.SmallInteger(), nullable=False),
        sa.Column("track_number", sa.SmallInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("explicit", sa.Boolean(), nullable=False),
        sa.Column("isrc", sa.String(), nullable=True),
        sa.Column("play_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tracks_by_isrc", "tracks", ["isrc"], unique=False, postgresql_where=sa.text("isrc IS NOT NULL"))
    op.create_index(
        "tracks_of_album_in_order", "tracks", ["album_id", "disc_number", "track_number", "title_key"], unique=True
    )
    op.create_index(
        "tracks_of_artist_by_plays", "tracks", ["artist_id", sa.literal_column("play_count DESC"), "id"], unique=False
    )
    op.create_table(
        "audio_features",
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("tempo", sa.Float(), nullable=False),
        sa.Column("energy", sa.Float(), nullable=False),
        sa.Column("valence", sa.Float(), nullable=False),
        sa.Column("danceability", sa.Float(), nullable=False),
        sa.Column("acousticness", sa.Float(), nullable=False),
        sa.Column("integrated_lufs", sa.Float(), nullable=True),
        sa.Column("true_peak_db", sa.Float(), nullable=True),
        sa.Column("profile", Vector(4), nullable=False),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("track_id"),
    )
    op.create_table(
        "audio_files",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("codec", sa.String(), nullable=False),
        sa.Column("bitrate_kbps", sa.Integer(), nullable=False),
        sa.Column("sample_rate_hz", sa.Integer(), nullable=False),
        sa.Column("bit_depth", sa.SmallInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("encoder_delay", sa.Integer(), nullable=False),
        sa.Column("padding", sa.Integer(), nullable=False),
        sa.Column("total_samples", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audio_files_of_track", "audio_files", ["track_id", "quality"], unique=True)
    op.create_table(
        "ingested_files",
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("content_hash"),
    )
    op.create_index(op.f("ix_ingested_files_track_id"), "ingested_files", ["track_id"], unique=False)
    op.create_table(
        "track_genres",
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("genre_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["genre_id"], ["genres.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("track_id", "genre_id"),
    )
    op.create_index(op.f("ix_track_genres_genre_id"), "track_genres", ["genre_id"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(op.f("ix_track_genres_genre_id"), table_name="track_genres")
    op.drop_table("track_genres")
    op.drop_index(op.f("ix_ingested_files_track_id"), table_name="ingested_files")
    op.drop_table("ingested_files")
    op.drop_index("audio_files_of_track", table_name="audio_files")
    op.drop_table("audio_files")
    op.drop_table("audio_features")
    op.drop_index("tracks_of_artist_by_plays", table_name="tracks")
    op.drop_index("tracks_of_album_in_order", table_name="tracks")
    op.drop_index("tracks_by_isrc", table_name="tracks", postgresql_where=sa.text("isrc IS NOT NULL"))
    op.drop_table("tracks")
    op.drop_index(op.f("ix_album_genres_genre_id"), table_name="album_genres")
    op.drop_table("album_genres")
    op.drop_index(op.f("ix_artist_genres_genre_id"), table_name="artist_genres")
    op.drop_table("artist_genres")
    op.drop_index("albums_of_artist_newest_first", table_name="albums")
    op.drop_index("albums_of_artist_by_title", table_name="albums")
    op.drop_table("albums")
    op.drop_table("artists")
    op.drop_table("users")
    op.drop_table("staged_files")
    op.drop_table("genres")
    op.drop_table("artworks")
