"""The interface of everything that has an id of its own."""

from typing import Any

import strawberry

from datasources.database import Row


@strawberry.interface
class Node:
    id: strawberry.ID


def rows_of(row: type[Row]) -> Any:
    """How a union or an interface knows that a row is of a type: by the row's own class."""

    def is_type_of(_: type, value: Any, _info: Any) -> bool:
        return isinstance(value, row)

    return classmethod(is_type_of)
