"""What can be asked: the graph's types, declarations only. `graph` is the schema that the gateway serves."""

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxTokensLimiter, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from domain.errors import ErrorCode
from schema.accounts import AccountsMutation, AccountsQuery
from schema.catalog import Album, Artist, CatalogQuery, Genre, Track
from schema.documents import Documents
from schema.errors import present
from schema.events import Events
from schema.library import LibraryMutation, LibrarySubscription
from schema.operations import Operation
from schema.playlists import Playlist, PlaylistsQuery
from schema.scalars import SCALARS
from schema.users import User

TOKENS_LIMIT = 10_000
"""Of one document. The largest that a person or a code generator writes have some hundreds."""
DOCUMENTS_KEPT = 1000
"""Parsed and validated documents, by text: validating costs several times what parsing does."""


@strawberry.type
class Query(CatalogQuery, PlaylistsQuery, AccountsQuery): ...


@strawberry.type
class Mutation(AccountsMutation, LibraryMutation): ...


@strawberry.type
class Subscription(LibrarySubscription): ...


class Graph(strawberry.Schema):
    """The schema, with errors as the contract has them."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        for error in errors:
            present(error)


graph = Graph(
    Query,
    Mutation,
    Subscription,
    types=[Artist, Album, Track, Genre, Playlist, User, ErrorCode],
    extensions=[
        Operation,
        lambda: MaxTokensLimiter(TOKENS_LIMIT),
        lambda: Documents(DOCUMENTS_KEPT),
        lambda: ValidationCache(DOCUMENTS_KEPT),
    ],
    execution_context_class=Events,
    config=StrawberryConfig(scalar_map=SCALARS),
)
