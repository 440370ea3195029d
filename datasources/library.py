"""What libraries hold, in pages and by key. All pages are index ranges: they cost the same in any library."""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, DateTime, Integer, String, Table, Text, Uuid, bindparam, func, select, true, tuple_

from datasources.catalog import ArtistRow, Batch, OfListener, PlaylistRow, grouped, one_each
from datasources.database import Row, Statement
from datasources.expressions import IDS, USER, VISIBLE, shown
from datasources.sources import Sources
from datasources.tables.catalog import artists
from datasources.tables.library import libraries, library_items
from datasources.tables.playlists import playlists
from domain.library import LibraryItemType, LibraryOrder


class LibraryItemRow(Row): ...


class Added(NamedTuple):
    """Where an item stands among the recently added."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    id: UUID


class Titled(NamedTuple):
    """Where an item stands by title."""

    title_key: str
    id: UUID


NEWEST = Added(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""Before the newest item there could be."""
FIRST_TITLE = Titled("", UUID(int=0))


class ItemPage(NamedTuple):
    """At most `size` items of some types after a position."""

    user_id: UUID
    types: tuple[str, ...]
    after: Added | Titled
    size: int


class ItemCount(NamedTuple):
    user_id: UUID
    types: tuple[str, ...]


class KindPage(NamedTuple):
    """At most `size` things of one kind in a library, the newest first, after a position."""

    user_id: UUID
    after: Added
    size: int


library_by_user = one_each(
    Statement(select(libraries.c.user_id.label("key"), libraries).where(libraries.c.user_id == func.any(IDS)))
)

SIZE = bindparam("size", type_=Integer)
COLUMNS = (
    library_items.c.item_id.label("id"),
    library_items.c.item_type.label("type"),
    library_items.c.added_at,
    library_items.c.updated_at,
    library_items.c.loved,
    library_items.c.rating,
    library_items.c.title_key,
)
AFTER_ADDED = tuple_(library_items.c.added_at, library_items.c.item_id) < tuple_(
    bindparam("added_at", type_=DateTime(timezone=True)), bindparam("item_id", type_=Uuid)
)
AFTER_TITLE = tuple_(library_items.c.title_key, library_items.c.item_id) > tuple_(
    bindparam("title_key", type_=String), bindparam("item_id", type_=Uuid)
)


def page_in(order: LibraryOrder) -> Statement:
    """A page over several types: as many from each type's own index range, then the first of these."""
    wanted = select(func.unnest(bindparam("types", type_=ARRAY(Text))).label("type")).subquery("wanted")
    newest = order is LibraryOrder.RECENTLY_ADDED

    def ordered(item: Any, id: str) -> list[Any]:
        return [item.added_at.desc(), item[id].desc()] if newest else [item.title_key, item[id]]

    each = (
        select(*COLUMNS)
        .where(library_items.c.user_id == USER, library_items.c.item_type == wanted.c.type, library_items.c.present)
        .where(AFTER_ADDED if newest else AFTER_TITLE)
        .order_by(*ordered(library_items.c, "item_id"))
        .limit(SIZE)
        .lateral("each")
    )
    return Statement(
        select(each).join_from(wanted, each, true()).order_by(*ordered(each.c, "id")).limit(SIZE), LibraryItemRow
    )


PAGES = {order: page_in(order) for order in LibraryOrder}


async def item_pages(sources: Sources, pages: list[ItemPage]) -> list[list[Any]]:
    """For each page its items, and one more when there is a next page. A listener has one library: pages are few."""
    return [await item_page(sources, page) for page in pages]


async def item_page(sources: Sources, page: ItemPage) -> list[Any]:
    values: dict[str, Any] = {"user_id": page.user_id, "types": page.types, "size": page.size + 1}
    if isinstance(page.after, Added):
        order, position = LibraryOrder.RECENTLY_ADDED, {"added_at": page.after.at, "item_id": page.after.id}
    else:
        order, position = LibraryOrder.TITLE, {"title_key": page.after.title_key, "item_id": page.after.id}
    return await sources.database.fetch(PAGES[order], **values, **position)


async def item_counts(sources: Sources, counts: list[ItemCount]) -> list[int]:
    """How many items of some types libraries hold. They keep the numbers themselves."""
    users = list({count.user_id for count in counts})
    found = dict(zip(users, await library_by_user(sources, users), strict=True))
    return [sum(found[count.user_id].item_counts.get(kind, 0) for kind in count.types) for count in counts]


def kind_pages(kind: LibraryItemType, table: Table, row: type[Row], *visible: Any) -> Batch:
    """A batch of pages of things of one kind themselves, those first that came into the library last."""
    statement = Statement(
        select(library_items.c.added_at.label("added_to_library"), *shown(table))
        .join_from(library_items, table, table.c.id == library_items.c.item_id)
        .where(library_items.c.user_id == USER, library_items.c.item_type == kind.value, library_items.c.present)
        .where(AFTER_ADDED, *visible)
        .order_by(library_items.c.added_at.desc(), library_items.c.item_id.desc())
        .limit(SIZE),
        row,
    )

    async def batch(sources: Sources, pages: list[KindPage]) -> list[list[Any]]:
        return [
            await sources.database.fetch(
                statement,
                user_id=page.user_id,
                added_at=page.after.at,
                item_id=page.after.id,
                size=page.size + 1,
            )
            for page in pages
        ]

    return batch


followed_artists = kind_pages(LibraryItemType.ARTIST, artists, ArtistRow)
library_playlists = kind_pages(LibraryItemType.PLAYLIST, playlists, PlaylistRow, VISIBLE)

PLAYLIST_COUNT = Statement(
    select(func.count().label("total"))
    .join_from(library_items, playlists, playlists.c.id == library_items.c.item_id)
    .where(library_items.c.user_id == USER, library_items.c.item_type == LibraryItemType.PLAYLIST.value)
    .where(library_items.c.present, VISIBLE)
)


async def playlist_counts(sources: Sources, user_ids: list[UUID]) -> list[int]:
    """How many playlists of a library its listener can see. They are few enough to be counted."""
    return [(await sources.database.fetch(PLAYLIST_COUNT, user_id=user_id))[0].total for user_id in user_ids]


IN_LIBRARY = Statement(
    select(library_items.c.item_id.label("key")).where(
        library_items.c.user_id == USER, library_items.c.item_id == func.any(IDS), library_items.c.present
    )
)


async def in_library(sources: Sources, keys: list[OfListener]) -> list[bool]:
    """Whether listeners have things in their libraries. Nobody has anything."""
    held: set[OfListener] = set()
    for user_id, group in grouped(keys, lambda key: key.user_id):
        if user_id is not None:
            rows = await sources.database.fetch(IN_LIBRARY, user_id=user_id, keys=[key.id for key in group])
            held.update(OfListener(user_id, row.key) for row in rows)
    return [key in held for key in keys]
