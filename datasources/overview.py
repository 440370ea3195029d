"""A look at what is there, for the greeting."""

from typing import Any

from sqlalchemy import select

from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.catalog import albums

AN_ALBUM = Statement(select(albums.c.id).order_by(albums.c.id).limit(1))


async def an_album(sources: Sources) -> Any | None:
    """The first album that came into the catalogue: its id; None while there is none."""
    return await sources.database.fetch_one(AN_ALBUM)
