"""What ingest remembers between runs, so that it resumes and never does a file twice."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from datasources.tables.columns import created_now, reference, table


class IngestedFile(SQLModel, table=True):
    """A file that is in the catalogue, by the SHA-256 of its content. `quality` is the best tier it can give."""

    __tablename__ = "ingested_files"

    content_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    track_id: UUID = reference("tracks.id", index=True)
    quality: int = Field(sa_type=SmallInteger)
    path: str
    created_at: datetime = created_now()


class StagedFile(SQLModel, table=True):
    """A file that is measured, encoded and stored, and waits for the rest of its album to be published."""

    __tablename__ = "staged_files"

    content_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    recording: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = created_now()


ingested_files, staged_files = table(IngestedFile), table(StagedFile)
