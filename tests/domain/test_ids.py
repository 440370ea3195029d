"""Ids: one spelling."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.ids import parse_id

ID = "0192f0c1-7a5b-7c3d-8e4f-0123456789ab"


@given(st.uuids())
def test_every_uuid_is_an_id_in_either_case(id: UUID) -> None:
    assert parse_id(str(id)) == parse_id(str(id).upper()) == id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "nobody",
        ID[:-1],
        ID + "0",
        ID + "\n",
        " " + ID,
        ID.replace("-", ""),
        "{" + ID + "}",
        "urn:uuid:" + ID,
        ID.replace("1", "١"),
        ID.replace("0", "g"),
        "\ud800",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not an id"):
        parse_id(text)


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(BadInput) as refusal:
        parse_id("x" * 100_000)

    assert len(str(refusal.value)) < 200
