"""Music as text and data: notes, chords and rhythms, before anybody plays them. Time is counted in beats."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingest.demo.synth import Signal

Voice = Callable[[float, float, float, int], Signal]


class Note(NamedTuple):
    """One note; `pitch` is a MIDI number, 0 for what has none; `velocity` 0..1."""

    beat: float
    beats: float
    pitch: float
    velocity: float


class Chord(NamedTuple):
    """A chord that lasts: the root and the other tones, as pitch classes 0..11."""

    beat: float
    beats: float
    root: int
    tones: tuple[int, ...]


class Voicing(NamedTuple):
    """A chord as hands would play it: pitches from low to high."""

    beat: float
    beats: float
    pitches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One player: gain in dB, pan from -1 to 1, what is sent to the hall and to the echo (0..1).

    `loose` is the spread of the player's timing in seconds. A part that `ducks` makes way for every kick.
    """

    voice: Voice
    notes: tuple[Note, ...]
    gain: float = 0.0
    pan: float = 0.0
    hall: float = 0.2
    echo: float = 0.0
    loose: float = 0.004
    ducks: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole composition. `lufs` is the loudness it is mastered to, `echo` the delay in beats."""

    tempo: float
    beats: float
    parts: tuple[Part, ...]
    tail: float = 3.0
    lufs: float = -16.0
    hall: float = 1.8
    echo: float = 0.75
    kicks: tuple[Note, ...] = ()

    def seconds(self, beat: float) -> float:
        return beat * 60.0 / self.tempo


DEGREES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ALTERED = {"": 0, "#": 1, "b": -1}
QUALITIES = {
    "": (4, 7),
    "m": (3, 7),
    "5": (7,),
    "6": (4, 7, 9),
    "m6": (3, 7, 9),
    "69": (4, 7, 9, 2),
    "7": (4, 7, 10),
    "9": (4, 7, 10, 2),
    "13": (4, 10, 2, 9),
    "7b9": (4, 7, 10, 1),
    "sus4": (5, 7),
    "7sus4": (5, 7, 10),
    "9sus4": (5, 7, 10, 2),
    "add9": (4, 7, 2),
    "maj7": (4, 7, 11),
    "maj9": (4, 7, 11, 2),
    "m7": (3, 7, 10),
    "m9": (3, 7, 10, 2),
    "m7b5": (3, 6, 10),
    "dim7": (3, 6, 9),
}


def line(text: str, start: float = 0.0, velocity: float = 0.75, repeat: int = 1) -> tuple[Note, ...]:
    """A melody: `"D5:1.5 F5:.5 - | A5!"`. A length holds until the next, `-` rests, `!` accents, `|` is for the eye."""
    notes, beat, beats = [], start, 1.0
    for token in text.replace("|", " ").split() * repeat:
        name, _, length = token.partition(":")
        beats = float(length) if length else beats
        if name != "-":
            accent = 0.18 if name.endswith("!") else 0.0
            notes.append(Note(beat, beats, pitch(name.rstrip("!")), min(velocity + accent, 1.0)))
        beat += beats
    return tuple(notes)


def pitch(name: str) -> int:
    """`"C#4"` as a MIDI number."""
    letter, sign, octave = split(r"([A-G])([#b]?)(-?\d)", name)
    return DEGREES[letter] + ALTERED[sign] + 12 * (int(octave) + 1)


def chords(text: str, repeat: int = 1, start: float = 0.0) -> tuple[Chord, ...]:
    """A progression: `"Dm9:8 | Bbmaj9:4 C6"`."""
    found, beat, beats = [], start, 4.0
    for token in text.replace("|", " ").split() * repeat:
        name, _, length = token.partition(":")
        beats = float(length) if length else beats
        letter, sign, quality = split(r"([A-G])([#b]?)(.*)", name)
        root = (DEGREES[letter] + ALTERED[sign]) % 12
        found.append(Chord(beat, beats, root, tuple((root + step) % 12 for step in QUALITIES[quality])))
        beat += beats
    return tuple(found)


def split(pattern: str, text: str) -> tuple[str, ...]:
    found = re.fullmatch(pattern, text)
    if found is None:
        raise ValueError(f"{text!r} is neither a pitch nor a chord")
    return tuple(group or "" for group in found.groups())


def voiced(progression: Iterable[Chord], centre: float, *, rooted: bool = False, spread: bool = False) -> list[Voicing]:
    """Close voicings around `centre`, each as near to the last as the inversions allow.

    The root is left to the bass unless the chord is `rooted` or a plain triad. `spread` drops the second voice from
    the top by an octave.
    """
    voicings: list[Voicing] = []
    last: tuple[int, ...] = ()
    for chord in progression:
        classes = sorted({*chord.tones, chord.root} if rooted or len(chord.tones) < 3 else set(chord.tones))
        turns = [classes[turn:] + classes[:turn] for turn in range(len(classes))]
        options = [stack(turned, octave, spread) for turned in turns for octave in range(2, 7)]
        last = min(options, key=lambda pitches: distance(pitches, last, centre))
        voicings.append(Voicing(chord.beat, chord.beats, last))
    return voicings


def stack(classes: Sequence[int], octave: int, spread: bool) -> tuple[int, ...]:
    pitches = [12 * octave + classes[0]]
    for tone in classes[1:]:
        pitches.append(pitches[-1] + (tone - pitches[-1]) % 12)
    if spread and len(pitches) > 2:
        pitches[-2] -= 12
    return tuple(sorted(pitches))


def distance(pitches: Sequence[int], last: Sequence[int], centre: float) -> float:
    """How far the voices move, and, so that they do not wander off, how far they are from the centre."""
    middle = abs(sum(pitches) / len(pitches) - centre)
    moved = sum(min(abs(tone - other) for other in last) for tone in pitches) if last else 0
    return moved + (middle if last else 10 * middle) + max(0.0, middle - 5) * 4


def held(voicings: Iterable[Voicing], velocity: float = 0.6, overlap: float = 0.0) -> tuple[Note, ...]:
    """Every chord for its whole length."""
    return tuple(Note(v.beat, v.beats + overlap, tone, velocity) for v in voicings for tone in v.pitches)


LEVELS = {"X": 1.0, "x": 0.78, "o": 0.5, ",": 0.3}


def hits(pattern: str, step: float, bars: int = 1, start: float = 0.0, tone: float = 0) -> tuple[Note, ...]:
    """A rhythm: `X` accent, `x` stroke, `o` soft, `,` ghost, anything but a blank a rest; each a `step` long."""
    marks = pattern.replace(" ", "") * bars
    return tuple(
        Note(start + place * step, step, tone, LEVELS[mark]) for place, mark in enumerate(marks) if mark in LEVELS
    )


def struck(voicings: Sequence[Voicing], rhythm: Iterable[Note], gate: float, roll: float = 0.0) -> tuple[Note, ...]:
    """The chords in a rhythm; `roll` is the time in beats from one tone of a chord to the next."""
    return tuple(
        Note(hit.beat + place * roll, gate, tone, hit.velocity)
        for hit in rhythm
        for voicing in voicings
        if voicing.beat <= hit.beat < voicing.beat + voicing.beats
        for place, tone in enumerate(voicing.pitches)
    )


def broken(
    voicings: Iterable[Voicing], order: Sequence[int], step: float, gate: float, velocity: float = 0.6
) -> tuple[Note, ...]:
    """The chords one tone at a time; places beyond the chord go up by octaves, and the beat is stressed a little."""
    notes = []
    for voicing in voicings:
        for place in range(int(voicing.beats / step)):
            octave, tone = divmod(order[place % len(order)], len(voicing.pitches))
            stress = 0.12 if (place * step) % 1 == 0 else 0.0
            notes.append(
                Note(voicing.beat + place * step, gate, voicing.pitches[tone] + 12 * octave, velocity + stress)
            )
    return tuple(notes)


def roots(progression: Iterable[Chord], low: int, rhythm: Iterable[Note], gate: float) -> tuple[Note, ...]:
    """The roots in a rhythm, each within the octave above `low`; a rhythm note's own pitch is added, for fifths."""
    strokes = tuple(rhythm)
    return tuple(
        Note(hit.beat, gate, low + (chord.root - low) % 12 + hit.pitch, hit.velocity)
        for chord in progression
        for hit in strokes
        if chord.beat <= hit.beat < chord.beat + chord.beats
    )


def swung(notes: Iterable[Note], share: float = 0.62, unit: float = 1.0) -> tuple[Note, ...]:
    """The second half of every `unit` comes late: at `share` of it instead of one half."""
    moved = []
    for note in notes:
        whole, rest = divmod(note.beat, unit)
        half = rest / unit
        bent = half * share / 0.5 if half < 0.5 else share + (half - 0.5) * (1 - share) / 0.5
        moved.append(note._replace(beat=(whole + bent) * unit))
    return tuple(moved)


def growing(notes: Iterable[Note], first: float, last: float, over: float) -> tuple[Note, ...]:
    """The same notes with their velocity scaled from `first` to `last` over so many beats."""
    return tuple(
        note._replace(velocity=note.velocity * (first + (last - first) * min(note.beat / over, 1.0))) for note in notes
    )
