"""Scalars that GraphQL does not bring."""

from typing import Any, NewType

import strawberry
from graphql import GraphQLError

from domain.sync_tokens import SyncToken

URL = NewType("URL", str)


def text_of(value: object) -> SyncToken:
    if not isinstance(value, str):
        raise GraphQLError("A sync token is a string.")
    return SyncToken(value)


SCALARS: dict[Any, Any] = {
    SyncToken: strawberry.scalar(
        name="SyncToken",
        serialize=str,
        parse_value=text_of,
        description=(
            "An opaque position in one listener's library history. Positions of one library are ordered and gap-free."
        ),
    ),
    URL: strawberry.scalar(name="URL", serialize=str, parse_value=str, description=None),
}
