"""Pell & Thistlewick: a guitar, a whistle, a harmonium, and a drum when there is dancing."""

from ingest.demo.drums import frame_drum, shaker
from ingest.demo.instruments import flute, guitar, harmonium, mandolin, upright_bass
from ingest.demo.score import Note, Part, Piece, broken, chords, held, hits, line, pitch, roots, struck, voiced


def millers_gate() -> Piece:
    """A waltz in G at 138: eight bars, eight bars again with another ending, eight that go higher."""
    first = "G:3 G C G Em C Am D7"
    again = "G:3 G C G Em C D7 G"
    higher = "Em:3 Em C G Am G D7 G"
    harmony = chords(f"{first} {again} {higher}")
    opening = "G4:2 B4:1 | D5:2 B4:1 | E5:1.5 D5:.5 C5:1 | B4:3"
    tune = line(
        f"{opening} | G4:2 B4:1 | C5:1 B4:1 A4:1 | A4:1 B4:1 C5:1 | D5:2.5 -:.5"
        f"| {opening} | E5:2 D5:1 | C5:1 E5:1 D5:1 | C5:1 A4:1 F#4:1 | G4:2.5 -:.5"
        "| B4:1 E5:1 F#5:1 | G5:2 F#5:1 | E5:1 G5:1 E5:1 | D5:2.5 -:.5"
        "| C5:1 E5:1 D5:1 | B4:1 D5:1 B4:1 | A4:1 C5:1 F#4:1 | G4:3",
        velocity=0.7,
    )
    fingers = broken(voiced(harmony, 57, rooted=True), (0, 2, 1, 3, 2, 1), 0.5, 0.9, 0.5)
    last = tuple(Note(72 + place * 0.08, 3, tone, 0.6) for place, tone in enumerate((43, 50, 55, 59, 62, 67)))
    return Piece(
        tempo=138,
        beats=75,
        parts=(
            Part(guitar, fingers + last, gain=-3, pan=-0.25, hall=0.22, loose=0.009),
            Part(
                guitar,
                roots(harmony, pitch("E2"), hits("x..", 1, bars=24), gate=2.4),
                gain=-3,
                pan=-0.25,
                hall=0.15,
                loose=0.006,
            ),
            Part(flute, tune, gain=-7, pan=0.2, hall=0.4, loose=0.012),
            Part(harmonium, held(voiced([c for c in harmony if c.beat >= 48], 60), 0.4), gain=-17, pan=0.4, hall=0.3),
        ),
        hall=1.4,
    )


def salt_on_the_window() -> Piece:
    """A song without words in A minor at 72: a thumb that alternates, fingers between, and late a whistle."""
    harmony = chords("Am Fmaj7 C G | Am Dm7 E7 Am")
    fingers = broken(voiced(harmony, 60, rooted=True), (1, 3, 2, 3, 1, 2, 3, 2), 0.5, 1.3, 0.45)
    thumb = roots(harmony, pitch("E2"), hits("x.o.", 1, bars=8), gate=1.8)
    fifths = tuple(n._replace(pitch=n.pitch + 7, beat=n.beat + 1, velocity=0.42) for n in thumb if n.beat % 4 == 0)
    tune = line(
        "-:4 | -:2 C5:1 D5:1 | E5:2 D5:1 C5:1 | B4:1 D5:1 G4:2"
        " | A4:1 C5:1 E5:2 | F5:1.5 E5:.5 D5:2 | G#4:1 B4:1 E5:1 D5:1 | C5:1 B4:1 A4:2",
        velocity=0.6,
    )
    last = tuple(Note(32 + place * 0.07, 4, tone, 0.5) for place, tone in enumerate((45, 52, 57, 60, 64, 69)))
    return Piece(
        tempo=72,
        beats=34,
        parts=(
            Part(guitar, fingers, gain=-2, pan=0.2, hall=0.3, loose=0.014),
            Part(guitar, thumb + fifths + last, gain=-2, pan=0.1, hall=0.25, loose=0.01),
            Part(flute, tune, gain=-11, pan=-0.25, hall=0.7, loose=0.02),
            Part(harmonium, held(voiced(harmony, 56), 0.3), gain=-20, pan=-0.4, hall=0.4),
        ),
        tail=3.5,
        lufs=-17,
        hall=2.2,
    )


def barley_reel() -> Piece:
    """A reel in D at 112, two beats a bar: the tune, its other half, and the tune again with everybody."""
    harmony_a = "D:2 G:1 Bm:1 D:2 A:2 | D:2 G:1 Bm:1 G:1 D:1 A:1 D:1"
    harmony_b = "D:2 D:1 Bm:1 G:1 D:1 A:2 | D:2 D:1 Bm:1 Em:1 A:1 D:.5 A:.5 D:1"
    harmony = chords(f"{harmony_a} {harmony_b} {harmony_a}")
    first = "D5!:.25 F#5 A5 F#5 D5 F#5 E5 D5 | B4! D5 A4 D5 B4 D5 E5 F#5"
    tune_a = (
        f"{first} | D5! F#5 A5 F#5 G5 F#5 E5 D5 | C#5! E5 A4 C#5 E5 F#5 G5 E5"
        f"| {first} | G5! B5 A5 G5 F#5! A5 G5 F#5 | E5! C#5 A4 C#5 D5:.5 D5"
    )
    other = "A5!:.25 F#5 D5 F#5 A5 F#5 B5 F#5 | A5! F#5 E5 D5 B4 D5 E5 F#5"
    tune_b = (
        f"{other} | G5! B5 A5 G5 F#5 A5 G5 F#5 | E5! F#5 G5 E5 C#5 E5 A4 C#5"
        f"| {other} | G5! F#5 E5 G5 E5 C#5 A4 C#5 | D5! F#5 E5 C#5 D5:.5 -"
    )
    tune = line(f"{tune_a} {tune_b} {tune_a}", velocity=0.62)
    strum = struck(voiced(harmony, 59, rooted=True), hits(".oxo", 0.25, bars=48), gate=0.35, roll=0.02)
    end = tuple(Note(48 + place * 0.03, 2.5, tone, 0.75) for place, tone in enumerate((38, 45, 50, 57, 62, 66)))
    return Piece(
        tempo=112,
        beats=50,
        parts=(
            Part(flute, tuple(n for n in tune if n.beat >= 16), gain=-8, pan=0.15, hall=0.3, loose=0.006),
            Part(mandolin, tune, gain=-3, pan=-0.35, hall=0.2, loose=0.006),
            Part(guitar, strum + end, gain=-8, pan=0.35, hall=0.15, loose=0.005),
            Part(upright_bass, roots(harmony, pitch("E1"), hits("X.o.", 0.25, bars=48), gate=0.42), gain=-6, hall=0.05),
            Part(
                frame_drum,
                hits("X.oxo.x,", 0.25, bars=16, start=16, tone=43),
                gain=-7,
                pan=-0.05,
                hall=0.15,
                loose=0.004,
            ),
            Part(shaker, hits("o.x.", 0.25, bars=16, start=32), gain=-17, pan=0.5, hall=0.1),
        ),
        tail=2.5,
        lufs=-15.5,
        hall=1.1,
    )
