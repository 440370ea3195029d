"""What the demo catalogue holds: five releases by four bands that do not exist.

The identifiers are well formed and cannot belong to anybody: ISRCs begin with XX, which ISO 3166 never assigns to a
country; bar codes begin with 952, which GS1 keeps for demonstrations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ingest.demo import artwork
from ingest.demo.pieces import hearth, kestrel, oldwick, weather
from ingest.demo.score import Piece


@dataclass(frozen=True, slots=True)
class Encoding:
    """A kind of file: `bits` is the depth of a lossless one, `kbps` the rate of a lossy one."""

    suffix: str
    container: str
    codec: str
    rate: int
    bits: int = 0
    kbps: int = 0
    options: tuple[tuple[str, str], ...] = ()


FLAC = Encoding(".flac", "flac", "flac", 44_100, bits=16)
FLAC_HI_RES = Encoding(".flac", "flac", "flac", 96_000, bits=24)
# At such rates the quick searches of LAME and of FFmpeg's AAC encoder leave little to find, in half the time.
MP3 = Encoding(".mp3", "mp3", "libmp3lame", 44_100, kbps=256, options=(("compression_level", "7"),))
M4A = Encoding(".m4a", "ipod", "aac", 44_100, kbps=256, options=(("aac_coder", "fast"),))
# FFmpeg's own Vorbis encoder is plain, and still calls itself experimental; enough bits make up for that.
VORBIS = Encoding(".ogg", "ogg", "vorbis", 44_100, kbps=256, options=(("strict", "experimental"),))
OPUS = Encoding(".opus", "ogg", "libopus", 48_000, kbps=160)


@dataclass(frozen=True, slots=True)
class Track:
    """A recording of a piece, or of the part of it between two beats; `artist` where it is not the release's own."""

    title: str
    piece: Callable[[], Piece]
    genres: tuple[str, ...]
    isrc: str
    encoding: Encoding = FLAC
    artist: str = ""
    begin: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A release; its cover lies in the folder as a file of its own, or inside every track."""

    title: str
    artist: str
    kind: Literal["album", "ep", "single", "compilation"]
    date: str
    barcode: str
    cover: Callable[[int], artwork.Plane]
    tracks: tuple[Track, ...]
    cover_size: int = 1200
    cover_kind: Literal["jpg", "png"] = "jpg"
    cover_inside: bool = False


ISOBAR, PELL, OLDWICK, KESTREL = "The Isobar Society", "Pell & Thistlewick", "Oldwick Lane Quartet", "Kestrel Array"
# The beat where one movement becomes two tracks: inside a held chord, and at no multiple of an encoder's frame.
CLOUDBASE_CUT = 36.0

RELEASES = (
    Release(
        "Weather for Sleeping Cities",
        ISOBAR,
        "album",
        "2025-11-07",
        "9521234500018",
        artwork.isobars,
        (
            Track("Low Pressure", weather.low_pressure, ("Ambient",), "XXSEG2500001"),
            Track(
                "Cloudbase, Part One", weather.cloudbase, ("Ambient", "Electronic"), "XXSEG2500002", end=CLOUDBASE_CUT
            ),
            Track(
                "Cloudbase, Part Two", weather.cloudbase, ("Electronic", "Ambient"), "XXSEG2500003", begin=CLOUDBASE_CUT
            ),
            Track("First Tram", weather.first_tram, ("Downtempo", "Electronic"), "XXSEG2500004"),
        ),
    ),
    Release(
        "Hearth Songs",
        PELL,
        "ep",
        "2026-02-20",
        "9521234500025",
        artwork.paper_hills,
        (
            Track("The Miller's Gate", hearth.millers_gate, ("Folk", "Acoustic"), "XXSEG2600001"),
            Track("Salt on the Window", hearth.salt_on_the_window, ("Folk", "Acoustic"), "XXSEG2600002", VORBIS),
            Track("Barley Reel", hearth.barley_reel, ("Folk", "Celtic"), "XXSEG2600003"),
        ),
        cover_inside=True,
    ),
    Release(
        "Blue Umbrella",
        OLDWICK,
        "single",
        "2026-04-03",
        "9521234500032",
        artwork.umbrella,
        (Track("Blue Umbrella", oldwick.blue_umbrella, ("Jazz", "Blues"), "XXSEG2600004", FLAC_HI_RES),),
        cover_inside=True,
    ),
    Release(
        "Copper Sun",
        KESTREL,
        "single",
        "2026-06-19",
        "9521234500049",
        artwork.slatted_sun,
        (Track("Copper Sun", kestrel.copper_sun, ("House", "Electronic"), "XXSEG2600005", M4A),),
        cover_size=640,
        cover_kind="png",
        cover_inside=True,
    ),
    Release(
        "Night Bus Home",
        "Various Artists",
        "compilation",
        "2026-09-11",
        "9521234500056",
        artwork.night_lights,
        (
            Track("Platform Six", weather.platform_six, ("Techno", "Electronic"), "XXSEG2600006", MP3, ISOBAR),
            Track("Undertow", kestrel.undertow, ("Drum & Bass", "Electronic"), "XXSEG2600007", FLAC, KESTREL),
            Track("Closing Time Waltz", oldwick.closing_time_waltz, ("Jazz",), "XXSEG2600008", OPUS, OLDWICK),
        ),
    ),
)
