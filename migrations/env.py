"""Runs migrations over the connection that `datasources/migrations.py` hands in."""

from typing import Any, Literal

from alembic import context
from pgvector.sqlalchemy import Vector
from sqlmodel import AutoString

from datasources.tables import metadata


def render_item(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """Spell types so that a migration needs neither SQLModel nor a hand to correct it."""
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, Vector):
        autogenerate.imports.add("from pgvector.sqlalchemy import Vector")
        return f"Vector({item.dim})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
