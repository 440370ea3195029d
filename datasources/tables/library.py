"""What a listener has saved, and the history of it that devices follow. `domain/sync.py` says what it means.

Every key begins with the listener: it is the distribution key on Citus, and keeps a library together in one database.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, SmallInteger, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from datasources.tables.columns import created_now, defaults_to, reference, table


class Library(SQLModel, table=True):
    """One row a listener, as long as they exist. Whoever changes the library holds its lock."""

    __tablename__ = "libraries"

    user_id: UUID = reference("users.id", primary_key=True)
    head: int = defaults_to("0", sa_type=BigInteger)
    """The position of the last change; the first one is 1."""
    floor: int = defaults_to("0", sa_type=BigInteger)
    """Changes up to this position are no longer kept."""
    clock: datetime = created_now()
    """The library's own time: of its last change, never going back, whatever servers' clocks do."""
    token_key: UUID = defaults_to("gen_random_uuid()", sa_type=Uuid)
    """What sync tokens are signed with, so that no other library's is taken for one of ours."""
    item_counts: dict[str, int] = defaults_to("'{}'", sa_type=JSONB)
    """How many items of each type there are: counting 50 000 rows is no constant work."""


class LibraryItem(SQLModel, table=True):
    """A thing that is in the library, or was: a removal is remembered, so that nothing older brings it back."""

    __tablename__ = "library_items"
    __table_args__ = (
        Index(
            "library_items_recently_added",
            "user_id",
            "item_type",
            text("added_at DESC"),
            text("item_id DESC"),
            postgresql_where=text("present"),
        ),
        Index(
            "library_items_by_title",
            "user_id",
            "item_type",
            "title_key",
            "item_id",
            postgresql_where=text("present"),
        ),
    )

    user_id: UUID = reference("libraries.user_id", primary_key=True)
    item_id: UUID = Field(sa_type=Uuid, primary_key=True)
    item_type: str
    present: bool
    added_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    loved: bool
    rating: int | None = Field(default=None, sa_type=SmallInteger)
    title_key: str
    """The folded title, to sort by. Folded titles are what the catalogue knows things by: they do not change. Of
    somebody else's playlist it is the one that it had when it was added."""
    clocks: dict[str, Any] = Field(sa_type=JSONB)
    """When each register was last written, and by which mutation."""


class LibraryChange(SQLModel, table=True):
    """The history. Positions of one library have no gaps, and are given in the order of the commits."""

    __tablename__ = "library_changes"
    __table_args__ = (Index("library_changes_by_age", "created_at"),)

    user_id: UUID = reference("libraries.user_id", primary_key=True)
    sync_token: int = Field(sa_type=BigInteger, primary_key=True)
    change_type: str
    item_type: str
    item_id: UUID = Field(sa_type=Uuid)
    data: dict[str, Any] = Field(sa_type=JSONB)
    """The item as it was after the change, and the edits inside a playlist."""
    weight: int
    """How much there is to tell: one, and one more for every edit."""
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class LibraryMutation(SQLModel, table=True):
    """What became of a change that a device handed in, so that handing it in again changes nothing."""

    __tablename__ = "library_mutations"
    __table_args__ = (Index("library_mutations_by_age", "created_at"),)

    user_id: UUID = reference("libraries.user_id", primary_key=True)
    mutation_id: str = Field(primary_key=True)
    fingerprint: str
    """Of the content, to notice another change under the same id."""
    status: str
    reason: str | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


libraries, library_items = table(Library), table(LibraryItem)
library_changes, library_mutations = table(LibraryChange), table(LibraryMutation)
