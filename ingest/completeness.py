"""Whether a file ends where its own headers say it does, read from the container without decoding.

FFmpeg plays what is there and calls the rest the end, so a download that broke off would pass for a shorter recording.
"""

from collections.abc import Iterator
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Literal

# Chunks that are worth nothing when their end is missing; anything else after the sound may be broken.
VITAL = (b"data", b"SSND", b"mdat", b"moov", b"moof")
MP4_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
# Written by programs that could not seek back to fill the size in (FFmpeg, SoX), and by RF64, which keeps it elsewhere.
UNKNOWN_SIZES = (0xFFFFFFFF, 0x7FFFF000)

# RFC 3533: a page has a header of 27 bytes, up to 255 segment lengths and as many segments of up to 255 bytes.
OGG_PAGE_MAX = 27 + 255 + 255 * 255
OGG_END_OF_STREAM = 0x04

# APEv2: the tag ends with a footer of 32 bytes; bit 31 of its flags says that a header of the same size precedes it.
APE_FOOTER = 32
APE_HAS_HEADER = 1 << 31
ID3V1 = 128


def is_cut_off(path: Path) -> bool:
    """Whether the end of a WAV, AIFF, MP4 or Ogg file is missing; False for other kinds. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(0)
        head = file.read(12)
        match head[:4], head[4:8]:
            case b"OggS", _:
                return not ogg_ends(file, size)
            case b"RIFF" | b"RF64", _:
                chunks = iff_chunks(file, 12, size, "little")
            case b"FORM", _:
                chunks = iff_chunks(file, 12, size, "big")
            case _, kind if kind in MP4_FIRST:
                chunks = mp4_boxes(file, size)
            case _:
                return False
        return any(end > size for name, end in chunks if name in VITAL)


def iff_chunks(file: BinaryIO, start: int, size: int, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int]]:
    """Name and end of every chunk of a RIFF, RF64 or IFF file, as far as sizes are known."""
    long_length = 0
    while start + 8 <= size:
        file.seek(start)
        head = file.read(24)
        length = int.from_bytes(head[4:8], order)
        if head[:4] == b"ds64":  # EBU Tech 3306: sizes of the file and of its data chunk, in 64 bits.
            long_length = int.from_bytes(head[16:24], order)
        if length in UNKNOWN_SIZES:
            length = long_length
        if not length:
            return
        yield head[:4], start + 8 + length
        start += 8 + length + length % 2


def mp4_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Name and end of every outermost box (ISO/IEC 14496-12, 4.2)."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0 means "to the end of the file"; anything else is no box.
            return
        yield head[4:8], start + length
        start += length


def ogg_ends(file: BinaryIO, size: int) -> bool:
    """Whether the last page is whole and ends its stream. Junk of up to a page after it is forgiven."""
    file.seek(max(0, size - 2 * OGG_PAGE_MAX))
    tail = file.read()
    at = tail.rfind(b"OggS")
    while at >= 0:
        header = tail[at : at + 27]
        lengths = tail[at + 27 : at + 27 + header[26]] if len(header) == 27 else b""
        if len(header) == 27 and header[4] == 0 and len(lengths) == header[26]:
            whole = at + 27 + len(lengths) + sum(lengths) <= len(tail)
            return whole and bool(header[5] & OGG_END_OF_STREAM)
        at = tail.rfind(b"OggS", 0, at)
    return False


def mp3_frames(path: Path) -> int | None:
    """How many frames the Xing, Info or VBRI header of an MP3 file promises, if it has one. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(10)
        # ID3v2.4, 3.1: sizes are 28 bits in four bytes, and a footer adds ten.
        start = 0
        while head[:3] == b"ID3" and len(head) == 10:
            length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            start += 10 + length + (10 if head[5] & 0x10 else 0)
            file.seek(start)
            head = file.read(10)
        file.seek(start)
        # The header sits in the first frame, behind side information of at most 38 bytes.
        frame = file.read(4096)
    if (at := frame.find(b"VBRI")) >= 0:
        return int.from_bytes(frame[at + 14 : at + 18], "big") or None
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    has_count = at >= 0 and int.from_bytes(frame[at + 4 : at + 8], "big") & 0x01
    return int.from_bytes(frame[at + 8 : at + 12], "big") or None if has_count else None


def size_without_ape_tag(path: Path) -> int:
    """The size of the file without the APE tag at its end and what follows it. Raises OSError.

    FFmpeg looks for frames in such a tag, finds some in large pictures, and forgets to trim the padding before it.
    """
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        for end in (size, size - ID3V1):
            file.seek(max(0, end - APE_FOOTER))
            footer = file.read(APE_FOOTER)
            if footer[:8] == b"APETAGEX":
                length = int.from_bytes(footer[12:16], "little")
                flags = int.from_bytes(footer[20:24], "little")
                return max(0, end - length - (APE_FOOTER if flags & APE_HAS_HEADER else 0))
    return size
