"""The Isobar Society: slow electronic music. An album, and a harder piece for somebody's night bus."""

from ingest.demo.drums import clap, hat, kick, open_hat, shaker, snare, soft_kick, wind
from ingest.demo.instruments import bell, electric_piano, felt_piano, pad, pluck, stab, sub_bass
from ingest.demo.score import (
    Note,
    Part,
    Piece,
    broken,
    chords,
    growing,
    held,
    hits,
    line,
    pitch,
    roots,
    struck,
    swung,
    voiced,
)


def low_pressure() -> Piece:
    """Ambient at 60: a pad that hardly moves, a felt piano on the beat, bells far away."""
    harmony = chords("Dm9:8 | Bbmaj9:8 | Fmaj9:4 C69:4 | Gm9:4 | Dm9:4")
    wide = voiced(harmony, 60, spread=True)
    pulse = struck(voiced(harmony, 65), hits("o.,. o.,.", 1, bars=4)[:15], gate=1.6, roll=0.06)
    bells = line(
        "-:2 A5:2 F5:1 E5:3 | -:2 D5:2 F5:1 A5:3 | -:1 C6:3 | A5:1.5 G5:2.5 | -:1 Bb5:1 A5:1 F5:1 | E5:1 D5:3",
        velocity=0.5,
    )
    return Piece(
        tempo=60,
        beats=32,
        parts=(
            Part(pad, held(wide, 0.6), gain=-6, hall=0.5),
            Part(felt_piano, pulse, gain=-9, pan=-0.2, hall=0.6, loose=0.012),
            Part(bell, bells, gain=-11, pan=0.3, hall=0.8, echo=0.5, loose=0.015),
            Part(sub_bass, roots(harmony, pitch("D2"), hits("x...", 1, bars=8), gate=3.6), gain=-10, hall=0.1),
            Part(wind, (Note(0, 36, pitch("C6"), 0.8),), gain=-31, hall=0.4),
        ),
        tail=5.0,
        lufs=-17.5,
        hall=3.2,
        echo=0.75,
    )


def cloudbase() -> Piece:
    """One movement in two parts, at 80: it is cut in the middle of a held chord, and nobody should hear where."""
    harmony = chords("Am9:8 | Fmaj9:8 | Cmaj9:8 | G69:8 | Am9:8 | Fmaj9:8 | Dm9:4 G9sus4:4 | Cmaj9:8")
    close = voiced(harmony, 64)
    ripple = broken(close, (0, 2, 1, 3, 4, 2, 3, 1), 0.5, 0.7, 0.42)
    fast = tuple(n for n in broken(close, (4, 6, 5, 7, 6, 4, 5, 2), 0.25, 0.3, 0.3) if 24 <= n.beat < 58)
    tune = line(
        "E5:3 D5:1 B4:2 C5:2 | A4:3 C5:1 E5:4 | F5:2 E5:1 D5:1 | C5:1 D5:2 G4:1 | E5:2 D5:1 B4:1 C5:4",
        start=32,
        velocity=0.6,
    )
    beat = hits("x...x...", 0.5, bars=6, start=32)
    return Piece(
        tempo=80,
        beats=64,
        parts=(
            Part(pad, held(voiced(harmony, 59, spread=True), 0.6), gain=-7, hall=0.45),
            Part(pluck, growing(ripple, 0.6, 1.25, 44), gain=-7, pan=-0.25, hall=0.35, echo=0.35),
            Part(pluck, growing(fast, 0.5, 1.1, 50), gain=-15, pan=0.45, hall=0.4, echo=0.3),
            Part(electric_piano, tune, gain=-6, pan=0.1, hall=0.4, echo=0.3, loose=0.01),
            Part(sub_bass, roots(harmony, pitch("E1"), hits("x...", 1, bars=16), gate=3.9), gain=-8, hall=0.0),
            Part(soft_kick, beat, gain=-6, hall=0.05),
            Part(shaker, hits("..x...x.", 0.25, bars=12, start=32), gain=-14, pan=0.3, hall=0.2),
        ),
        tail=4.5,
        hall=2.6,
    )


def first_tram() -> Piece:
    """Downtempo at 96: a tine piano, a lazy beat that swings in sixteenths."""
    harmony = chords("Ebmaj9 Abmaj9 | Ebmaj9 Cm9 Fm9 Bb13 | Ebmaj9 Cm9 Abmaj9 Bb13 | Ebmaj9")
    keys = struck(voiced(harmony, 63), hits("x..o..x. ..o..... ", 0.25, bars=12)[:-2], gate=1.1, roll=0.012)
    tune = line(
        "-:1 G5:.5 Bb5:.5 D6:1.5 C6:.5 | Bb5:1 G5:.5 F5:.5 Eb5:2 | -:1 Ab5:.5 C6:.5 Bb5:1.5 Ab5:.5 "
        "| G5:1 F5:.5 D5:.5 F5:2 | -:1 G5:.5 Bb5:.5 D6:1 Eb6:1 | C6:1 Bb5:.5 G5:.5 Eb5:2 | C6:1.5 Bb5:.5 G5:1 Eb5:1 "
        "| D5:1 F5:1 G5:2",
        start=8,
        velocity=0.6,
    )
    bass = roots(harmony, pitch("Eb1"), swung(hits("X.....o. ..x...o.", 0.25, bars=11), 0.57, 0.5), gate=0.6)
    return Piece(
        tempo=96,
        beats=44,
        parts=(
            Part(electric_piano, swung(keys, 0.57, 0.5), gain=-9, pan=-0.15, hall=0.25, loose=0.008),
            Part(bell, tune, gain=-12, pan=0.25, hall=0.4, echo=0.35, loose=0.012),
            Part(sub_bass, bass, gain=-4, hall=0.0),
            Part(soft_kick, swung(hits("X......x ..x.....", 0.25, bars=10), 0.57, 0.5), gain=-1, hall=0.03),
            Part(snare, swung(hits("....x..., ....x.,.", 0.25, bars=10), 0.57, 0.5), gain=-9, hall=0.25),
            Part(hat, swung(hits("x.o.x.oo x.o.x.o,", 0.25, bars=10), 0.57, 0.5), gain=-17, pan=0.3, hall=0.1),
            Part(pad, held(voiced(harmony, 58, spread=True), 0.5), gain=-16, hall=0.4),
        ),
        tail=3.5,
        hall=1.7,
    )


def platform_six() -> Piece:
    """Techno at 128, in F sharp minor: a rolling bass, a sequence that opens, a clap that means it."""
    harmony = chords("F#m9:8 Dmaj9:8 | F#m9:8 Bm9:4 C#7sus4:4 | F#m9:8 Dmaj9:8 | Bm9:8 C#7sus4:4 F#m9:4")
    kicks = hits("X...", 0.25, bars=60, tone=0)
    sequence = broken(voiced(harmony, 64), (0, 2, 4, 1, 3, 0, 2, 5), 0.25, 0.16, 0.45)
    chordal = struck(voiced(harmony, 62), hits("x..x..x. ..x.....", 0.25, bars=14, start=8), gate=0.22)
    return Piece(
        tempo=128,
        beats=64,
        kicks=kicks,
        parts=(
            Part(kick, kicks, gain=-1, hall=0.02, loose=0.0),
            Part(
                sub_bass,
                roots(harmony, pitch("E1"), hits(".xox", 0.25, bars=62), gate=0.2),
                gain=-4,
                hall=0,
                ducks=True,
                loose=0.001,
            ),
            Part(
                pluck, growing(sequence, 0.5, 1.5, 48), gain=-7, pan=-0.2, hall=0.2, echo=0.35, ducks=True, loose=0.001
            ),
            Part(stab, chordal, gain=-11, hall=0.35, echo=0.2, ducks=True, loose=0.002),
            Part(clap, hits("....x...", 0.25, bars=26, start=8), gain=-5, hall=0.3, loose=0.002),
            Part(open_hat, hits("..x.", 0.25, bars=52, start=8), gain=-12, pan=0.15, hall=0.1, loose=0.001),
            Part(hat, hits("x.oxx.ox", 0.25, bars=22, start=16), gain=-17, pan=-0.35, hall=0.1, loose=0.002),
            Part(pad, held(voiced(harmony, 57, spread=True), 0.5), gain=-15, hall=0.5, ducks=True),
        ),
        lufs=-14.5,
        hall=1.6,
    )
