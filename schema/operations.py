"""What happens around every operation: a context of its own, counters, what is left of its budgets."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast
from strawberry.extensions import SchemaExtension

from datasources.database import count_statements
from datasources.metrics import OPERATION_SECONDS, OPERATION_STATEMENTS


class Operation(SchemaExtension):
    """A websocket's operations would else share the loaders of its connection."""

    statements: Sequence[str] = ()

    def on_operation(self) -> Iterator[None]:
        execution = self.execution_context
        if execution.context is not None:
            execution.context = execution.context.renewed()
        started = time.perf_counter()
        yield
        kind, field = labels_of(
            execution.graphql_document, execution.operation_name, is_refused(execution.pre_execution_errors)
        )
        if kind != OperationType.SUBSCRIPTION.value:  # how long a device listens says nothing about us
            OPERATION_SECONDS.labels(kind, field).observe(time.perf_counter() - started)
            OPERATION_STATEMENTS.labels(kind, field).observe(len(self.statements))

    def on_execute(self) -> Iterator[None]:
        """Of a subscription, this is how it begins: the statements of its events are not gathered."""
        with count_statements() as self.statements:
            yield

    def get_results(self) -> dict[str, Any]:
        """`rateLimit`: what is left of the budgets that the operation drew on."""
        context = self.execution_context.context
        budgets = context.charges.budgets if context is not None else {}
        if not budgets:
            return {}
        return {
            "rateLimit": {
                kind.value: {"limit": budget.limit, "remaining": budget.remaining, "retryAfter": budget.retry_after}
                for kind, budget in budgets.items()
            }
        }


def is_refused(errors: list[GraphQLError] | None) -> bool:
    """Whether the operation never ran: what goes wrong in a field has a path."""
    return any(error.path is None for error in errors or ())


def labels_of(document: DocumentNode | None, name: str | None, invalid: bool) -> tuple[str, str]:
    """The operation's kind and its first root field: names of the schema, which are few, and not the caller's own."""
    operation = get_operation_ast(document, name) if document and not invalid else None
    if not isinstance(operation, OperationDefinitionNode):
        return "unknown", "unknown"
    first = operation.selection_set.selections[0]
    return operation.operation.value, first.name.value if isinstance(first, FieldNode) else "fragment"
