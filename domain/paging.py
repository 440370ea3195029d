"""Keyset paging: a cursor names the last row seen by what the list is ordered by, so that every page costs the same."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec

from domain.accounts import is_storable
from domain.errors import BadInput

PAGE_LIMIT = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    cursor: str
    node: Any


@dataclass(frozen=True, slots=True)
class Connection:
    """One page of a list. `count` is the batch that counts the whole list, by the key `counted`, if a caller asks."""

    edges: Sequence[Edge]
    page_info: PageInfo
    count: Any
    counted: Any


def page_size(first: int | None, *, default: int = 20) -> int:
    """`first` as the contract has it: 1 to 100, `default` when null. Raises BadInput."""
    size = default if first is None else first
    if not 1 <= size <= PAGE_LIMIT:
        raise BadInput(f"`first` must be between 1 and {PAGE_LIMIT}; it is {size}.")
    return size


def encode_cursor(order: str, *position: Any) -> str:
    """An opaque cursor: which list it belongs to, and where in it."""
    return urlsafe_b64encode(msgspec.json.encode([order, *position])).decode().rstrip("=")


def decode_cursor(cursor: str, order: str, shape: type[T]) -> T:
    """The position in a cursor of the list `order`, as `shape`, a tuple type. Raises BadInput for any other text."""
    try:
        named, *position = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found: Any = checked(msgspec.convert(position, shape))
        # There is one spelling of a position: an id in capitals is not ours.
        if named != order or encode_cursor(named, *found) != cursor:
            raise ValueError(cursor)
        return cast(T, found)
    except (ValueError, OverflowError, TypeError, RecursionError, msgspec.MsgspecError):
        raise BadInput(
            "`after` is not a cursor of this list. Pass the `endCursor` or an edge's `cursor` of an earlier page, "
            "or leave it out for the first page."
        ) from None


def checked(position: Any) -> Any:
    """The position, if a database can hold it: an invented one may not. Raises ValueError and OverflowError."""
    for value in position:
        if isinstance(value, datetime):
            value.astimezone(UTC)
        elif isinstance(value, str) and not is_storable(value):
            raise ValueError(value)
    return position


def connection(
    rows: Sequence[Any], cursors: Sequence[str], *, size: int, after: str | None, count: Any, counted: Any
) -> Connection:
    """A page of at most `size` rows, made from one row more than that when there is a next page."""
    edges = [Edge(cursor, row) for cursor, row in zip(cursors[:size], rows[:size], strict=True)]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(rows) > size,
            has_previous_page=bool(after),
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        count=count,
        counted=counted,
    )
