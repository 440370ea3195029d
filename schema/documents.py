"""Documents that were parsed, by text."""

from collections.abc import Iterator
from contextlib import suppress

from graphql import GraphQLError
from strawberry.extensions import ParserCache


class Documents(ParserCache):
    """Strawberry's cache raises what cannot be parsed where nobody over a websocket or SSE answers it. Left alone, the
    document is parsed once more and refused where it is answered."""

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        with suppress(GraphQLError):
            execution.graphql_document = self.cached_parse_document(execution.query, **execution.parse_options)
        yield
