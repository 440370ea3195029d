"""What ingest remembers: which files are in the catalogue, and which are ready for it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, LargeBinary, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.ingest import ingested_files, staged_files
from domain.recording import Recording

HASHES = bindparam("hashes", type_=ARRAY(LargeBinary))
INGESTED = Statement(select(ingested_files.c.content_hash).where(ingested_files.c.content_hash == func.any(HASHES)))
STAGED = Statement(select(staged_files).where(staged_files.c.content_hash == func.any(HASHES)))
STAGE = Statement(
    insert(staged_files)
    .values(content_hash=bindparam("content_hash"), recording=bindparam("recording"))
    .on_conflict_do_nothing()
)


async def ingested(sources: Sources, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of the content hashes whose files are in the catalogue."""
    return {row.content_hash for row in await sources.database.fetch(INGESTED, hashes=hashes)}


async def staged(sources: Sources, hashes: Sequence[bytes]) -> dict[bytes, Recording]:
    """The recordings that an earlier, interrupted run has stored already."""
    rows = await sources.database.fetch(STAGED, hashes=hashes)
    return {row.content_hash: msgspec.convert(row.recording, Recording) for row in rows}


async def stage(sources: Sources, content_hash: bytes, recording: Recording) -> None:
    plain: Any = msgspec.to_builtins(recording)
    await sources.database.fetch(STAGE, content_hash=content_hash, recording=plain)
