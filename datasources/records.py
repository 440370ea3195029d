"""Many rows as one parameter: a JSON array that the database reads as a table."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, TableValuedAlias, bindparam, column, func
from sqlalchemy.dialects.postgresql import JSONB


def rows_from(columns: Sequence[Column[Any]], name: str = "rows") -> TableValuedAlias:
    """The parameter `name`, a list of objects, as rows with these columns."""
    typed = [column(each.name, each.type) for each in columns]
    recordset = func.jsonb_to_recordset(bindparam(name, type_=JSONB))
    return recordset.table_valued(*typed, name=f"{name}_given").render_derived(with_types=True)
