"""Listeners."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from datasources.tables.columns import created_now, defaults_to, primary_id, table


class User(SQLModel, table=True):
    """`username` is shown as it was typed; `username_key`, its folded form, is what signs in and is unique."""

    __tablename__ = "users"

    id: UUID = primary_id()
    username: str
    username_key: str = Field(unique=True)
    password_hash: str
    display_name: str
    tier: str = defaults_to("'FREE'")
    role: str = defaults_to("'USER'")
    created_at: datetime = created_now()


users = table(User)
