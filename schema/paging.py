"""Relay connections. `Connection[Album]` is served as AlbumConnection, with AlbumEdge."""

from typing import Generic, TypeVar

import strawberry

from resolvers.context import Info

T = TypeVar("T")


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        """Counted only when it is asked for."""
        return int(await info.context.load(self.count, self.counted))  # type: ignore[attr-defined]
