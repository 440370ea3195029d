"""A look at what is there, for the greeting."""

from typing import Any

from sqlalchemy import select

from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.catalog import albums, artists

AN_ALBUM = Statement(
    select(albums.c.id, albums.c.title, artists.c.name.label("artist"))
    .join(artists, artists.c.id == albums.c.artist_id)
    .order_by(albums.c.track_count.desc(), albums.c.id)
    .limit(1)
)


async def an_album(sources: Sources) -> Any | None:
    """The album with the most tracks: id, title, artist; None while the catalogue is empty."""
    return await sources.database.fetch_one(AN_ALBUM)
