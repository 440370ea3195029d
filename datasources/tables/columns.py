"""Columns that every table spells alike."""

from typing import Any

from sqlalchemy import DateTime, ForeignKey, Table, Uuid, func, text
from sqlmodel import Field, SQLModel


def primary_id() -> Any:
    """A UUIDv7 made by the database: ordered by time, so that indexes grow at their end."""
    return Field(default=None, sa_type=Uuid, primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})


def reference(to: str, *, on_delete: str | None = "CASCADE", primary_key: bool = False, index: bool = False) -> Any:
    """A foreign key to another table's id."""
    return Field(
        sa_type=Uuid, sa_column_args=[ForeignKey(to, ondelete=on_delete)], primary_key=primary_key, index=index
    )


def defaults_to(sql: str, **column: Any) -> Any:
    """A column that the database fills in. The default is its own, so that statements need not name the column."""
    return Field(default=None, nullable=False, sa_column_kwargs={"server_default": text(sql)}, **column)


def created_now() -> Any:
    return Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}, nullable=False
    )


def table(model: type[SQLModel]) -> Table:
    """The table behind a model: what statements are built over."""
    return SQLModel.metadata.tables[str(model.__tablename__)]
