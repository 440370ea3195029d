"""What the text in tags means: names, numbers, dates and codes. Nothing here raises on any text."""

import re
import unicodedata
from datetime import date

# No name of a recording is longer; what is, is lyrics or garbage in the wrong field.
TEXT_LIMIT = 500

# The first sound recording that can be played back is from 1860.
FIRST_YEAR = 1860

# Marks that only steer the direction of the text around them; unbalanced ones turn a whole page round. The byte order
# mark is what is left of careless UTF-16. Zero-width joiners stay: Persian and emoji are spelled with them.
_INVISIBLE = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))

# Spellings of one sign that keyboards and taggers choose between: Don't and Don’t, Jay-Z and Jay‐Z.
_ONE_SIGN = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "´": "'", "`": "'", "“": '"', "”": '"'}) | dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-"
)

_NUMBER = re.compile(r"\s*[A-Za-z]{0,2}\s*0*([0-9]{1,4})(?![0-9])")
_DAY_FIRST = re.compile(r"(?<!\d)(?P<day>\d{1,2})(?P<sign>[./ -])(?P<month>\d{1,2})(?P=sign)(?P<year>\d{4})(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})[-/. ](?P<month>\d{1,2})(?:[-/. ](?P<day>\d{1,2}))?(?!\d)"),
    _DAY_FIRST,
    re.compile(rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+)?\b{_MONTH}\s+(?P<year>\d{{4}})(?!\d)", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})(?!\d)", re.IGNORECASE),
    re.compile(r"(?<!\d)(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})?(?!\d)"),
    re.compile(r"(?<!\d)(?P<year>\d{4})(?!\d)"),
)
"""Each shape of a date, the more telling ones first."""

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_BARCODE = re.compile(r"[0-9]{8}|[0-9]{12,14}")


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` as one line that every store and screen takes: NFC, no control characters, single spaces.

    At most `limit` code points; the cut never parts a letter from its accents.
    """
    line = _one_line(text)
    if len(line) <= limit:
        return line
    end = limit
    while end and _leans(line[end]):
        end -= 1
    return line[: end or limit].rstrip()


def fold(text: str) -> str:
    """The key by which two names are the same: NFKC, case folded, single spaces, plain quotes and hyphens.

    Accents are kept, so Beyoncé and Beyonce differ; finding one by the other is the search's business.
    """
    # The order is Unicode's "compatibility caseless match" (The Unicode Standard, D146): folding can undo
    # normalisation, and normalisation can bring back capitals, so each is done twice.
    key = unicodedata.normalize("NFD", _one_line(text).translate(_ONE_SIGN)).casefold()
    key = unicodedata.normalize("NFKC", key).casefold().translate(_ONE_SIGN)
    return " ".join(unicodedata.normalize("NFKC", key).split())


def parse_number(text: str) -> int | None:
    """A disc or track number: "3/12", "03" and side "C3" are 3. None when there is none from 1 to 9999."""
    found = _NUMBER.match(text)
    return int(found[1]) or None if found else None


def parse_date(text: str, today: date | None = None) -> date | None:
    """The day a tag means; what it leaves out, or what no calendar has, is the first one.

    Reads ISO dates with any ending ("1987", "1987-05", "1987-05-17T00:00:00Z", "19870517"), the day first
    ("17.05.1987", "17/5/1987"; the month first only where nothing else is possible) and English months ("May 1987").
    Years from 1860 to the next one count; a year inside other text ("℗ 1987 EMI") does. `today` is for tests.
    """
    last_year = (today or date.today()).year + 1
    for pattern in _DATES:
        for found in pattern.finditer(text):
            named = found.groupdict()
            year, month, day = int(named["year"]), _month(named.get("month")), int(named.get("day") or 1)
            if not FIRST_YEAR <= year <= last_year:
                continue
            if month > 12 and pattern is _DAY_FIRST:
                month, day = day, month
            return _first_possible(year, month, day)
    return None


def parse_isrc(text: str) -> str | None:
    """An International Standard Recording Code (ISO 3901) without its hyphens, or None."""
    code = re.sub(r"[\s-]", "", text).upper().removeprefix("ISRC").lstrip(":")
    return code if _ISRC.fullmatch(code) else None


def parse_barcode(text: str) -> str | None:
    """An EAN-8, UPC-A, EAN-13 or GTIN-14 whose check digit is right, leading zeros kept; or None."""
    code = re.sub(r"[\s-]", "", text)
    if not _BARCODE.fullmatch(code) or not code.strip("0"):
        return None
    # GS1: from the right, digits weigh 1, 3, 1, 3 … and the sum is a multiple of ten.
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(code)))
    return code if weighted % 10 == 0 else None


def _month(text: str | None) -> int:
    if not text:
        return 1
    return _MONTHS.index(text.lower()) + 1 if text.isalpha() else int(text)


def _first_possible(year: int, month: int, day: int) -> date:
    if not 1 <= month <= 12:
        return date(year, 1, 1)
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, 1)


def _one_line(text: str) -> str:
    if not text.isascii():
        text = "".join(map(_storable, text.translate(_INVISIBLE)))
    # str.split() parts at every Unicode space and line break; the other control characters join them here.
    words = "".join(" " if character < " " or "\x7f" <= character < "\xa0" else character for character in text)
    return unicodedata.normalize("NFC", " ".join(words.split()))


def _storable(character: str) -> str:
    # Half a surrogate pair is what an undecodable byte becomes; UTF-8, and with it every store, refuses it.
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character


def _leans(character: str) -> bool:
    """Whether a character only makes sense after the one before it: accents, variation selectors, joiners."""
    return character == "\u200d" or unicodedata.category(character) in ("Mn", "Mc", "Me")
