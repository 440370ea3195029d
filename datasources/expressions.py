"""What statements share: parameters, columns, conditions."""

from typing import Any

from sqlalchemy import ARRAY, Column, Table, Text, Uuid, bindparam, or_

from datasources.tables.playlists import playlists
from domain.library import Visibility

IDS = bindparam("keys", type_=ARRAY(Uuid))
TEXTS = bindparam("keys", type_=ARRAY(Text))
USER = bindparam("user_id", type_=Uuid)

VISIBLE = or_(playlists.c.owner_id == USER, playlists.c.visibility == Visibility.PUBLIC.value)
"""Private playlists are their owners' alone. Compared with nobody, the owner is nobody."""


def shown(table: Table) -> list[Column[Any]]:
    """A table's columns but for the folded keys, which only storage needs."""
    return [column for column in table.c if column.name not in ("name_key", "title_key", "profile")]
