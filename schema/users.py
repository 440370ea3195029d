"""Listeners as others see them."""

import strawberry

from datasources import catalog as rows
from schema.node import Node, rows_of


@strawberry.type
class User(Node):
    is_type_of = rows_of(rows.UserRow)

    id: strawberry.ID
    display_name: str
