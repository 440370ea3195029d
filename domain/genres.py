"""Genres out of tags: several values, several genres in one value, and the numbers that ID3v1 gave them."""

import re
from collections.abc import Iterable

from domain.metadata import clean, fold

# The numbered genres of ID3v1: 0–79 as published, 80–191 as Winamp added them.
_NUMBERED_NAMES = (
    "Blues;Classic Rock;Country;Dance;Disco;Funk;Grunge;Hip-Hop;Jazz;Metal;New Age;Oldies;Other;Pop;R&B;Rap;Reggae;"
    "Rock;Techno;Industrial;Alternative;Ska;Death Metal;Pranks;Soundtrack;Euro-Techno;Ambient;Trip-Hop;Vocal;"
    "Jazz+Funk;Fusion;Trance;Classical;Instrumental;Acid;House;Game;Sound Clip;Gospel;Noise;Alt. Rock;Bass;Soul;"
    "Punk;Space;Meditative;Instrumental Pop;Instrumental Rock;Ethnic;Gothic;Darkwave;Techno-Industrial;Electronic;"
    "Pop-Folk;Eurodance;Dream;Southern Rock;Comedy;Cult;Gangsta Rap;Top 40;Christian Rap;Pop/Funk;Jungle;"
    "Native American;Cabaret;New Wave;Psychedelic;Rave;Showtunes;Trailer;Lo-Fi;Tribal;Acid Punk;Acid Jazz;Polka;"
    "Retro;Musical;Rock & Roll;Hard Rock;Folk;Folk-Rock;National Folk;Swing;Fast-Fusion;Bebop;Latin;Revival;"
    "Celtic;Bluegrass;Avantgarde;Gothic Rock;Progressive Rock;Psychedelic Rock;Symphonic Rock;Slow Rock;Big Band;"
    "Chorus;Easy Listening;Acoustic;Humour;Speech;Chanson;Opera;Chamber Music;Sonata;Symphony;Booty Bass;Primus;"
    "Porn Groove;Satire;Slow Jam;Club;Tango;Samba;Folklore;Ballad;Power Ballad;Rhythmic Soul;Freestyle;Duet;"
    "Punk Rock;Drum Solo;A Cappella;Euro-House;Dance Hall;Goa;Drum & Bass;Club-House;Hardcore;Terror;Indie;BritPop;"
    "Afro-Punk;Polsk Punk;Beat;Christian Gangsta Rap;Heavy Metal;Black Metal;Crossover;Contemporary Christian;"
    "Christian Rock;Merengue;Salsa;Thrash Metal;Anime;JPop;Synthpop;Abstract;Art Rock;Baroque;Bhangra;Big Beat;"
    "Breakbeat;Chillout;Downtempo;Dub;EBM;Eclectic;Electro;Electroclash;Emo;Experimental;Garage;Global;IDM;"
    "Illbient;Industro-Goth;Jam Band;Krautrock;Leftfield;Lounge;Math Rock;New Romantic;Nu-Breakz;Post-Punk;"
    "Post-Rock;Psytrance;Shoegaze;Space Rock;Trop Rock;World Music;Neoclassical;Audiobook;Audio Theatre;"
    "Neue Deutsche Welle;Podcast;Indie Rock;G-Funk;Dubstep;Garage Rock;Psybient"
)
NUMBERED = tuple(_NUMBERED_NAMES.split(";"))
_LETTERED = {"RX": "Remix", "CR": "Cover"}

# What taggers write when nobody said.
_SAYS_NOTHING = frozenset({"other", "unknown", "unknown genre", "genre", "none"})

# A slash without spaces parts genres only between words, so that "A/B" and "20/20" stay whole.
_SEPARATORS = re.compile(r"[;,|\0]|\s/\s|(?<=[\w&][^\W\d_])\s*/\s*(?=[^\W_][\w&])")
_REFERENCE = re.compile(r"\((\d{1,3}|RX|CR)\)")


def split_genres(values: Iterable[str]) -> tuple[str, ...]:
    """Each genre once, in the order and the spelling in which it came first.

    Takes "Hip-Hop/Rap", "Pop; Rock", "Folk, World, & Country" apart, leaves "R&B" and "Drum & Bass" whole and reads
    the ID3v1 forms "17", "(17)" and "(17)Rock".
    """
    genres: dict[str, str] = {}
    for value in values:
        for name in _names(value):
            genre = clean(name).removeprefix("& ")
            key = fold(genre)
            if key and key not in _SAYS_NOTHING:
                genres.setdefault(key, genre)
    return tuple(genres.values())


def _names(value: str) -> Iterable[str]:
    for piece in _SEPARATORS.split(value):
        rest = piece.strip()
        while found := _REFERENCE.match(rest):
            yield from _SEPARATORS.split(_numbered(found[1]))
            rest = rest[found.end() :].strip()
        # "((" is how ID3v2.3 writes a name that itself begins with a bracket.
        rest = rest[1:] if rest.startswith("((") else rest
        yield _numbered(rest) if re.fullmatch(r"[0-9]{1,3}", rest) else rest


def _numbered(reference: str) -> str:
    if reference in _LETTERED:
        return _LETTERED[reference]
    # ID3v1 says 255 where there is no genre.
    return NUMBERED[int(reference)] if int(reference) < len(NUMBERED) else ""
