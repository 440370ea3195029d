"""libraries and playlists

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 17:25:39.896062
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A migration that cannot get its lock at once gives up instead of queueing every reader behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "libraries",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("head", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("clock", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("token_key", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "item_counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.execute("INSERT INTO libraries (user_id) SELECT id FROM users")
    op.create_table(
        "playlists",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("track_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("renamed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_playlists_owner_id"), "playlists", ["owner_id"], unique=False)
    op.create_table(
        "library_changes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sync_token", sa.BigInteger(), nullable=False),
        sa.Column("change_type", sa.String(), nullable=False),
        sa.Column("item_type", sa.String(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["libraries.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "sync_token"),
    )
    op.create_index("library_changes_by_age", "library_changes", ["created_at"], unique=False)
    op.create_table(
        "library_items",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("item_type", sa.String(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loved", sa.Boolean(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("title_key", sa.String(), nullable=False),
        sa.Column("clocks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["libraries.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "item_id"),
    )
    op.create_index(
        "library_items_by_title",
        "library_items",
        ["user_id", "item_type", "title_key", "item_id"],
        unique=False,
        postgresql_where=sa.text("present"),
    )
    op.create_index(
        "library_items_recently_added",
        "library_items",
        ["user_id", "item_type", sa.literal_column("added_at DESC"), sa.literal_column("item_id DESC")],
        unique=False,
        postgresql_where=sa.text("present"),
    )
    op.create_table(
        "library_mutations",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mutation_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["libraries.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "mutation_id"),
    )
    op.create_index("library_mutations_by_age", "library_mutations", ["created_at"], unique=False)
    op.create_table(
        "playlist_entries",
        sa.Column("playlist_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Double(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["playlist_id"], ["playlists.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("playlist_id", "entry_id"),
    )
    op.create_index(
        "playlist_entries_in_order",
        "playlist_entries",
        ["playlist_id", "position", "entry_id"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "playlist_entries_removed",
        "playlist_entries",
        ["removed_at"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(
        "playlist_entries_removed", table_name="playlist_entries", postgresql_where=sa.text("removed_at IS NOT NULL")
    )
    op.drop_index(
        "playlist_entries_in_order", table_name="playlist_entries", postgresql_where=sa.text("removed_at IS NULL")
    )
    op.drop_table("playlist_entries")
    op.drop_index("library_mutations_by_age", table_name="library_mutations")
    op.drop_table("library_mutations")
    op.drop_index("library_items_recently_added", table_name="library_items", postgresql_where=sa.text("present"))
    op.drop_index("library_items_by_title", table_name="library_items", postgresql_where=sa.text("present"))
    op.drop_table("library_items")
    op.drop_index("library_changes_by_age", table_name="library_changes")
    op.drop_table("library_changes")
    op.drop_index(op.f("ix_playlists_owner_id"), table_name="playlists")
    op.drop_table("playlists")
    op.drop_table("libraries")
