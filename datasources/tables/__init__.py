"""The tables, declared with SQLModel. Alembic migrates them; statements are built over them."""

from sqlmodel import SQLModel

from datasources.tables import accounts, catalog, ingest, library, playlists

metadata = SQLModel.metadata

__all__ = ["accounts", "catalog", "ingest", "library", "metadata", "playlists"]
