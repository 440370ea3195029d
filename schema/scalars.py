"""Scalars that GraphQL does not bring."""

from typing import Any, NewType

import strawberry

URL = NewType("URL", str)

SCALARS: dict[Any, Any] = {
    URL: strawberry.scalar(name="URL", serialize=str, parse_value=str, description=None),
}
