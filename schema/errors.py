"""The one place where errors become what a caller sees: a code of the contract, and nothing of our insides."""

import uuid
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from datasources.metrics import ERRORS
from domain.errors import ErrorCode, SegueError

strawberry.enum(ErrorCode)

log = structlog.get_logger("segue.graph")

MASKED = "Something went wrong on our side. Quote the errorId when you report it."


def present(error: GraphQLError) -> None:
    """Give an error its `extensions.code`; mask it when it is a mistake of ours, and log it with an id."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    extensions: dict[str, Any]
    if isinstance(cause, SegueError):
        extensions = {"code": cause.code.value}
        if cause.retry_after is not None:
            extensions["retryAfter"] = cause.retry_after
    elif isinstance(cause, (InvalidOperationTypeError, CannotGetOperationTypeError, MissingQueryError)):
        extensions = {"code": ErrorCode.BAD_USER_INPUT.value}
    elif cause is None or (isinstance(cause, GraphQLError) and (cause.nodes or not error.path)):
        # graphql-core's own, about the document or its variables. About a value it could not show, it names no node.
        extensions = {"code": ErrorCode.BAD_USER_INPUT.value}
    else:
        extensions = {"code": ErrorCode.INTERNAL_SERVER_ERROR.value, "errorId": str(uuid.uuid4())}
        log.error("field.failed", error_id=extensions["errorId"], path=error.path, exc_info=cause)
        error.message = MASKED
    error.extensions = extensions
    ERRORS.labels(extensions["code"]).inc()
