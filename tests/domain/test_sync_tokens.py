"""Sync tokens: what was given comes back, and nothing else does."""

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.sync_tokens import decode_token, encode_token

MINE, OTHER = UUID(int=1), UUID(int=2)
REFUSED = "This is not a sync token of your library."
positions = st.one_of(st.integers(0, 1000), st.integers(0, 2**63 - 1))
TOKEN = encode_token(7, MINE)


def read(text: str, key: UUID = MINE) -> int:
    return decode_token(text).verified(key)


def with_bit(token: str, bit: int) -> str:
    """The token with one bit of what it says changed."""
    signed = bytearray(urlsafe_b64decode(token + "=="))
    signed[bit // 8] ^= 1 << bit % 8
    return urlsafe_b64encode(signed).decode().rstrip("=")


@given(positions, st.uuids())
def test_a_token_comes_back_as_its_position(position: int, key: UUID) -> None:
    token = encode_token(position, key)

    assert read(token, key) == position
    assert token == encode_token(position, key)
    assert set(token) <= {*string.ascii_letters, *string.digits, "-", "_"}
    assert len(token) == 22


@given(positions, positions)
def test_positions_differ_where_tokens_do(one: int, other: int) -> None:
    assert (encode_token(one, MINE) == encode_token(other, MINE)) == (one == other)


@given(positions, st.uuids(), st.uuids())
def test_another_librarys_token_is_refused(position: int, theirs: UUID, mine: UUID) -> None:
    token = encode_token(position, theirs)
    if theirs != mine:
        with pytest.raises(BadInput, match=REFUSED):
            read(token, mine)


@pytest.mark.parametrize("bit", range(128))
@pytest.mark.parametrize("position", [0, 7, 2**63 - 1])
def test_a_changed_bit_is_noticed(position: int, bit: int) -> None:
    with pytest.raises(BadInput, match=REFUSED):
        read(with_bit(encode_token(position, MINE), bit))


@pytest.mark.parametrize("place", range(22))
def test_a_changed_letter_is_noticed(place: int) -> None:
    """Also in the last letter, some of whose bits say nothing."""
    for letter in string.ascii_letters + string.digits + "-_":
        if letter != TOKEN[place]:
            with pytest.raises(BadInput, match=REFUSED):
                read(TOKEN[:place] + letter + TOKEN[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        TOKEN[:-1],
        TOKEN[1:],
        TOKEN + "A",
        TOKEN + "AA",
        TOKEN + "=",
        TOKEN + "==",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN[:11] + " " + TOKEN[11:],
        TOKEN[:11] + "!" + TOKEN[11:],
        TOKEN[:11] + "\0" + TOKEN[11:],
        TOKEN + TOKEN,
        TOKEN.swapcase(),
        TOKEN.encode().decode("utf-16-le"),
        "ÿ" * 22,
        "\ud800" * 22,
        "А" * 22,  # the Cyrillic one
        "🎵",
        "A" * 22,
        "_" * 22,
        "7",
        "null",
        "+/" * 11,
        "A" * 10_000_000,
        "é" * 1_000_000,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=REFUSED):
        read(text)


@given(st.text(max_size=40))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(BadInput, match=REFUSED):
        read(text)


@given(st.binary(min_size=16, max_size=16))
def test_no_bytes_are_a_token(signed: bytes) -> None:
    with pytest.raises(BadInput, match=REFUSED):
        read(urlsafe_b64encode(signed).decode().rstrip("="))


def test_a_refusal_does_not_repeat_the_token() -> None:
    """It may be another listener's, and messages are logged."""
    with pytest.raises(BadInput) as refused:
        read(TOKEN, OTHER)
    assert TOKEN not in str(refused.value)
