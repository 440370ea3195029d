"""Pages: their sizes, and cursors that nobody can make up."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import date
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.paging import connection, decode_cursor, encode_cursor, page_size


class Position(NamedTuple):
    released: date
    id: UUID


positions = st.builds(Position, st.dates(), st.uuids())
CURSOR = encode_cursor("albums", date(2020, 5, 17), str(UUID(int=7)))


@given(positions)
def test_a_cursor_leads_back_to_its_position(position: Position) -> None:
    assert decode_cursor(encode_cursor("albums", *position), "albums", Position) == position


@given(st.text() | st.binary().map(lambda data: urlsafe_b64encode(data).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a cursor"):
        decode_cursor(text, "albums", Position)


@given(positions, st.data())
def test_a_cursor_with_one_character_changed_is_refused_or_another_position(
    position: Position, data: st.DataObject
) -> None:
    cursor = encode_cursor("albums", *position)
    at = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:at] + data.draw(st.characters(exclude_characters=cursor[at])) + cursor[at + 1 :]
    with suppress(BadInput):
        assert decode_cursor(changed, "albums", Position) != position


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        " ",
        CURSOR + "=",
        CURSOR + "\n",
        CURSOR[:-4],
        encode_cursor("tracks", date(2020, 5, 17), str(UUID(int=7))),
        encode_cursor("albums"),
        encode_cursor("albums", date(2020, 5, 17)),
        encode_cursor("albums", "2020-02-30", str(UUID(int=7))),
        encode_cursor("albums", date(2020, 5, 17), "7"),
        encode_cursor("albums", date(2020, 5, 17), str(UUID(int=7)), 1),
        urlsafe_b64encode(b'{"albums": 1}').decode().rstrip("="),
        urlsafe_b64encode(b"[" * 100_000).decode().rstrip("="),
        "\ud800",
    ],
)
def test_broken_and_foreign_cursors(cursor: str) -> None:
    with pytest.raises(BadInput, match="not a cursor"):
        decode_cursor(cursor, "albums", Position)


def test_a_cursor_is_a_word_that_needs_no_escaping() -> None:
    assert CURSOR.replace("-", "").replace("_", "").isalnum()
    assert b"2020-05-17" in urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4))


def test_page_sizes() -> None:
    assert [page_size(first) for first in (1, 20, 100, None)] == [1, 20, 100, 20]
    assert page_size(None, default=10) == 10
    for first in (0, -1, 101):
        with pytest.raises(BadInput, match=f"between 1 and 100; it is {first}"):
            page_size(first)


def test_a_page_knows_its_neighbours() -> None:
    first = connection("abc", "123", size=2, after=None, count=None, counted=None)
    last = connection("c", "3", size=2, after="2", count=None, counted=None)
    empty = connection("", "", size=2, after=None, count=None, counted=None)

    assert [(edge.cursor, edge.node) for edge in first.edges] == [("1", "a"), ("2", "b")]
    assert (first.page_info.has_previous_page, first.page_info.has_next_page) == (False, True)
    assert (last.page_info.has_previous_page, last.page_info.has_next_page) == (True, False)
    assert (first.page_info.start_cursor, first.page_info.end_cursor) == ("1", "2")
    assert (empty.edges, empty.page_info.start_cursor, empty.page_info.end_cursor) == ([], None, None)
