"""What the text in tags means."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.genres import split_genres
from domain.metadata import clean, fold, parse_barcode, parse_date, parse_isrc, parse_number

TODAY = date(2025, 6, 15)

# Everything a tag or a file name can become in Python: any code point, halves of surrogate pairs included.
anything = st.text(st.characters(codec=None), max_size=60)


def is_clean(text: str) -> bool:
    text.encode()  # no half surrogate pairs
    controls = any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)
    return not controls and text == " ".join(text.split()) and unicodedata.is_normalized("NFC", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello \t World\r\n", "Hello World"),
        ("one\x00two\x1b[31m\u2028three", "one two [31m three"),
        ("e\u0301", "é"),
        ("\ufeffTitle", "Title"),
        ("\u202eevil", "evil"),
        ("\udcff", "\ufffd"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
        ("\n", ""),
        ("x" * 10_000, "x" * 500),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_the_cut_keeps_a_letter_and_its_accents_together() -> None:
    assert clean("abq\u0323\u0307", limit=3) == "ab"
    assert clean("abq\u0323\u0307", limit=5) == "abq\u0323\u0307"
    assert clean("ab cd", limit=3) == "ab"
    assert clean("q" + "\u0323" * 9, limit=4) == "q" + "\u0323" * 3


@given(anything, st.integers(1, 70))
def test_cleaning_always_cleans_and_once_is_enough(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert is_clean(once)
    assert len(once) <= limit
    assert clean(once, limit) == once


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The  Beatles", "the beatles"),
        ("STRASSE", "straße"),
        ("ＡＢＢＡ", "abba"),
        ("Beyonce\u0301", "beyoncé"),
        ("Guns N’ Roses", "Guns N' Roses"),
        ("Jay‐Z", "Jay-Z"),
        ("ΟΔΟΣ", "οδος"),
    ],
)
def test_the_same_name(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_accents_tell_names_apart() -> None:
    assert fold("Beyoncé") != fold("Beyonce")


@given(anything)
def test_folding_once_is_enough_and_does_not_care_about_case(text: str) -> None:
    key = fold(text)
    assert is_clean(key)
    assert fold(key) == key
    assert fold(clean(text, 1_000)) == key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3/12", 3),
        ("03", 3),
        (" 7 ", 7),
        ("A1", 1),
        ("B12", 12),
        ("3 of 12", 3),
        ("00003", 3),
        ("0", None),
        ("0/12", None),
        ("-1", None),
        ("99999", None),
        ("9" * 5_000, None),
        ("A", None),
        ("", None),
    ],
)
def test_numbers(text: str, expected: int | None) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1987", date(1987, 1, 1)),
        ("1987-05", date(1987, 5, 1)),
        ("1987-05-17", date(1987, 5, 17)),
        ("19870517", date(1987, 5, 17)),
        ("198705", date(1987, 5, 1)),
        ("1987-05-17T00:00:00Z", date(1987, 5, 17)),
        ("1987-05-17 12:30:00", date(1987, 5, 17)),
        ("1987/5/7", date(1987, 5, 7)),
        ("17.05.1987", date(1987, 5, 17)),
        ("05/17/1987", date(1987, 5, 17)),
        ("03/04/1987", date(1987, 4, 3)),
        ("May 1987", date(1987, 5, 1)),
        ("17 May 1987", date(1987, 5, 17)),
        ("September 21st, 1987", date(1987, 9, 21)),
        ("1987-02-31", date(1987, 2, 1)),
        ("1987-13-01", date(1987, 1, 1)),
        ("1987-00-00", date(1987, 1, 1)),
        ("℗ 1987 EMI", date(1987, 1, 1)),
        ("1860", date(1860, 1, 1)),
        ("2026", date(2026, 1, 1)),
        ("1859", None),
        ("2027", None),
        ("0000", None),
        ("0000-00-00", None),
        ("87", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert parse_date(text, TODAY) == expected


@given(anything | st.from_regex(r"\d{1,8}[-./ ]\d{1,4}[-./ ]?\d{0,4}"))
def test_parsers_take_any_text(text: str) -> None:
    number = parse_number(text)
    assert number is None or 1 <= number <= 9_999
    released = parse_date(text, TODAY)
    assert released is None or 1860 <= released.year <= 2026
    parse_isrc(text)
    parse_barcode(text)


@given(st.dates(date(1860, 1, 1), TODAY))
def test_every_iso_date_is_read_back(day: date) -> None:
    assert parse_date(day.isoformat(), TODAY) == day
    assert parse_date(day.strftime("%Y%m%d"), TODAY) == day


def test_isrc() -> None:
    assert parse_isrc("us-rc1-76-07839") == "USRC17607839"
    assert parse_isrc("ISRC: USRC17607839") == "USRC17607839"
    assert parse_isrc("USRC1760783") is None
    assert parse_isrc("000000000000") is None


def test_barcode() -> None:
    assert parse_barcode("4006381333931") == "4006381333931"
    assert parse_barcode("0 36000 29145 2") == "036000291452"
    assert parse_barcode("96385074") == "96385074"
    assert parse_barcode("4006381333932") is None, "the check digit is wrong"
    assert parse_barcode("0000000000000") is None
    assert parse_barcode("123") is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["Rock"], ("Rock",)),
        (["Rock; Pop", "rock"], ("Rock", "Pop")),
        (["Hip-Hop/Rap"], ("Hip-Hop", "Rap")),
        (["R&B", "Drum & Bass"], ("R&B", "Drum & Bass")),
        (["R&B/Soul"], ("R&B", "Soul")),
        (["Folk, World, & Country"], ("Folk", "World", "Country")),
        (["Pop\0Rock|Jazz"], ("Pop", "Rock", "Jazz")),
        (["(17)"], ("Rock",)),
        (["17"], ("Rock",)),
        (["(17)Rock"], ("Rock",)),
        (["(17)Stoner Rock"], ("Rock", "Stoner Rock")),
        (["(51)(39)"], ("Techno-Industrial", "Noise")),
        (["(62)"], ("Pop", "Funk")),
        (["(RX)", "((Weird)"], ("Remix", "(Weird)")),
        (["20/20", "A/B", "80s"], ("20/20", "A/B", "80s")),
        (["255", "(255)", "Other", "Unknown", "", " ; "], ()),
        ([], ()),
    ],
)
def test_genres(values: list[str], expected: tuple[str, ...]) -> None:
    assert split_genres(values) == expected


@given(st.lists(anything | st.from_regex(r"\(?\d{1,4}\)?[A-Z]?[a-z/;]*"), max_size=4))
def test_genres_of_any_text_are_clean_and_different(values: list[str]) -> None:
    genres = split_genres(values)
    assert all(genre and is_clean(genre) for genre in genres)
    assert len({fold(genre) for genre in genres}) == len(genres)
