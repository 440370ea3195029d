"""Oldwick Lane Quartet: vibraphone, piano, double bass, drums. They swing; the waltz is for when the chairs go up."""

from ingest.demo.drums import brush, foot_hat, ride, rim, snare, soft_kick
from ingest.demo.instruments import felt_piano, upright_bass, vibraphone
from ingest.demo.score import Note, Part, Piece, chords, hits, line, struck, swung, voiced

BLUES = (
    "F7 Bb7 F7 Cm7:2 F7:2 | Bb7:4 Bdim7 F7 Am7b5:2 D7b9:2 | Gm7:4 C9 F7:2 D7b9:2 Gm7:2 C9:2"
    "| F7:2 D7b9:2 Gm7:2 C9:2 | F69:8"
)
HEAD = (
    "-:1 C5:.5 D5:.5 F5!:1 Eb5:.5 D5:.5 | F5:.5 D5!:1 Bb4:.5 -:2 | -:1 C5:.5 D5:.5 F5!:1 Ab5:.5 A5:.5"
    "| G5:.5 Eb5!:1 C5:.5 -:1 A4:.5 C5:.5 | D5!:1.5 F5:.5 -:.5 Ab5:.5 G5:.5 F5:.5"
    "| D5!:1.5 F5:.5 -:.5 Ab5:.5 F5:.5 D5:.5"
    "| C5!:1.5 A4:.5 -:1 C5:.5 Eb5:.5 | G5!:.5 Eb5:.5 C5:.5 A4:.5 F#4:.5 A4:.5 C5:.5 Eb5:.5"
    "| D5!:1.5 Bb4:.5 G4:.5 Bb4:.5 D5:.5 F5:.5 | E5!:1 G5:.5 Bb5:.5 A5:.5 G5:.5 E5:.5 C5:.5"
    "| F5!:1.5 C5:.5 F#5:1 Eb5:.5 C5:.5 | D5:.5 Bb4:.5 G4:1 Bb4:.5 C5:.5 E5:.5 G5:.5"
    "| A5!:1.5 F5:.5 F#5:.5 Eb5:.5 C5:.5 A4:.5 | Bb4:.5 D5:.5 F5!:1 E5:.5 Db5:.5 C5:.5 Bb4:.5 "
    "| A4:.5 C5:.5 D5:.5 F5!:2.5"
)
WALK = (
    "F2:1 A2 C3 A2 | Bb2 C3 D3 E3 | F3 Eb3 D3 C#3 | C3 Eb3 F2 A2 | Bb2 D3 F3 D3 | B2 D3 Ab2 B2 "
    "| C3 A2 F2 G#2 | A2 Eb3 D3 F#2 "
    "| G2 Bb2 D3 Db3 | C3 E2 G2 E2 | F2 C3 D3 F#2 | G2 D3 C3 E2 | F2 A2 D3 F#2 | G2 Bb2 C3 E2 | F2 C3 A2 C3 | F2:3.5"
)


def blue_umbrella() -> Piece:
    """A blues in F at 144, twelve bars and a tag of four."""
    comping = struck(voiced(chords(BLUES), 60), hits("x..o.... ..x..,..", 0.5, bars=8)[:-4], gate=0.45, roll=0.01)
    last = struck(voiced(chords("F69:4", start=60), 62), hits("x", 1, start=60), gate=3.5, roll=0.05)
    skip = (*swung(hits("x.xox.xo", 0.5, bars=15), 0.64), Note(60, 1, 0, 0.8))
    return Piece(
        tempo=144,
        beats=64,
        parts=(
            Part(vibraphone, swung(line(HEAD, velocity=0.66), 0.64), gain=-4, pan=0.25, hall=0.3, loose=0.009),
            Part(felt_piano, swung(comping, 0.64) + last, gain=-7, pan=-0.35, hall=0.22, loose=0.009),
            Part(upright_bass, line(WALK, velocity=0.72), gain=0, hall=0.08, loose=0.006),
            Part(ride, skip, gain=-15, pan=0.35, hall=0.2),
            Part(foot_hat, hits(".x.x", 1, bars=15), gain=-13, pan=-0.2, hall=0.15),
            Part(soft_kick, hits("oooo", 1, bars=15), gain=-12, hall=0.05),
            Part(
                snare, swung(hits(".......,...,.....,....,....,....", 0.5, bars=4), 0.64), gain=-11, pan=-0.1, hall=0.25
            ),
        ),
        tail=2.5,
        lufs=-16.5,
        hall=1.2,
    )


def closing_time_waltz() -> Piece:
    """A ballad in B flat at 88, three to the bar: piano, bass with the bow put away, brushes."""
    harmony = chords("Bbmaj7:3 Gm7 Cm7 F7 Dm7 G7b9 Cm7 F13 | Ebmaj7 Ebm6 Dm7 G7b9 Cm7 F13 Bb69:6")
    tune = line(
        "D5:2 F5:1 | D5:1.5 C5:.5 Bb4:1 | Eb5:2 G5:1 | Eb5:1.5 D5:.5 C5:1 | F5:2 A5:1 | F5:1 D5:1 B4:1 "
        "| C5:1 D5:1 Eb5:1 | A4:1 C5:1 D5:1 | G5:2 Bb5:1 | Gb5:2 Bb5:1 | F5:1 A5:1 F5:1 "
        "| D5:1 F5:1 B4:1 | Eb5:1.5 D5:.5 C5:1 | A4:1 C5:1 D5:1 | Bb4:5",
        velocity=0.62,
    )
    left = struck(voiced(harmony, 56), hits(".xo", 1, bars=14), gate=0.9, roll=0.03)
    end = struck(voiced(chords("Bb69:6", start=42), 60), hits("o", 1, start=42), gate=5, roll=0.12)
    bass = line(
        "Bb2:2 F2:1 | G2:2 D3:1 | C3:2 G2:1 | F2:2 A2:1 | D3:2 A2:1 | G2:2 B2:1 | C3:2 Bb2:1 | A2:2 F2:1"
        "| Eb2:2 Bb2:1 | Eb2:2 Gb2:1 | D2:2 A2:1 | G2:2 F2:1 | C3:2 G2:1 | F2:2 A2:1 | Bb2:2 F2:1 Bb1:3",
        velocity=0.6,
    )
    sweep = tuple(Note(beat, 0.8, 0, 0.6 if beat % 3 else 0.8) for beat in range(42))
    return Piece(
        tempo=88,
        beats=48,
        parts=(
            Part(felt_piano, swung(tune, 0.58), gain=-1, pan=0.1, hall=0.35, loose=0.016),
            Part(felt_piano, left + end, gain=-8, pan=-0.15, hall=0.3, loose=0.014),
            Part(upright_bass, bass, gain=-1, hall=0.1, loose=0.01),
            Part(brush, sweep, gain=-21, pan=0.3, hall=0.15, loose=0.012),
            Part(rim, hits("..,", 1, bars=14), gain=-20, pan=0.35, hall=0.3),
        ),
        tail=2.5,
        lufs=-17,
        hall=1.6,
    )
