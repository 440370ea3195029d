"""Kestrel Array: music for dancing, with the sun up and with the sun down."""

from ingest.demo.drums import clap, hat, kick, open_hat, ride, shaker, snare
from ingest.demo.instruments import bell, electric_piano, pad, pluck, reese, stab, sub_bass
from ingest.demo.score import Part, Piece, broken, chords, held, hits, line, pitch, roots, struck, voiced


def copper_sun() -> Piece:
    """House at 122 in C: bright chords against the beat, a bass between the kicks, a tune anyone could whistle."""
    harmony = chords("Fmaj9 G69 Em7 Am9", repeat=4)
    kicks = hits("X...", 0.25, bars=62)
    stabs = struck(voiced(harmony, 65), hits("x..x..x. ...x..o.", 0.25, bars=15), gate=0.28)
    tune = line(
        "A5!:.75 G5:.75 E5:.5 C5:1 E5:1 | D5!:.75 E5:.75 G5:.5 B5:1.5 A5:.5 | G5!:.75 E5:.75 D5:.5 B4:1 D5:1"
        "| E5!:.75 C5:.75 B4:.5 A4:1.5 -:.5",
        start=32,
        velocity=0.68,
        repeat=2,
    )
    keys = held(voiced([c for c in harmony if c.beat >= 16], 60), 0.5)
    return Piece(
        tempo=122,
        beats=64,
        kicks=kicks,
        parts=(
            Part(kick, kicks, gain=-1, hall=0.02, loose=0.0),
            Part(stab, stabs, gain=-8, hall=0.25, echo=0.15, ducks=True, loose=0.002),
            Part(electric_piano, keys, gain=-12, hall=0.2, ducks=True),
            Part(
                sub_bass,
                roots(harmony, pitch("E1"), hits("..x...xo ..x..x..", 0.25, bars=16), gate=0.3),
                gain=-3,
                hall=0,
                ducks=True,
                loose=0.001,
            ),
            Part(pluck, tune, gain=-4, pan=0.1, hall=0.25, echo=0.3, loose=0.003),
            Part(clap, hits("....x...", 0.25, bars=28, start=8), gain=-6, hall=0.25, loose=0.002),
            Part(open_hat, hits("..x.", 0.25, bars=44, start=16), gain=-13, pan=0.1, hall=0.08, loose=0.001),
            Part(shaker, hits("o,xo", 0.25, bars=60), gain=-14, pan=-0.35, hall=0.1, loose=0.003),
        ),
        tail=2.5,
        lufs=-14.5,
        hall=1.4,
    )


def undertow() -> Piece:
    """Drum & bass at 174 in F minor: two bars to breathe in, then the break and the bass."""
    harmony = chords("Fm9:8 Dbmaj9:8 Abmaj9:8 Eb6:8 | Fm9:8 Dbmaj9:8 Bbm9:8 C7sus4:4 Cm7:4 | Fm9:8 Dbmaj9:4 Fm9:4")
    drop = [chord for chord in harmony if 8 <= chord.beat < 72]
    kicks = hits("X.........X..... X.......,.X.....", 0.25, bars=8, start=8)
    glass = broken(voiced(harmony, 70), (0, 3, 1, 2, 4, 2, 3, 1), 0.5, 0.4, 0.4)
    tune = line(
        "C6:3 Ab5:1 G5:4 | F5:2 Ab5:2 Eb5:4 | C6:3 Db6:1 Ab5:4 | G5:2 F5 Eb5 G5 | Ab5:3 G5:1 F5:4 | Eb5:2 F5 C5:4",
        start=32,
        velocity=0.55,
    )
    low = roots(drop, pitch("C1"), hits("x.......... x.... o...........x...", 0.25, bars=10, start=8), gate=2.2)
    return Piece(
        tempo=174,
        beats=80,
        kicks=kicks,
        parts=(
            Part(kick, kicks, gain=0, hall=0.02, loose=0.001),
            Part(
                snare, hits("....X..,.,..X..o ....X..,.o..X.,,", 0.25, bars=8, start=8), gain=-2, hall=0.14, loose=0.002
            ),
            Part(hat, hits("x.o.x.o.x.o.x.oo", 0.25, bars=16, start=8), gain=-14, pan=0.25, hall=0.06, loose=0.002),
            Part(ride, hits("x.x.x.x.", 0.5, bars=8, start=40), gain=-21, pan=-0.3, hall=0.1, loose=0.002),
            Part(reese, low, gain=-5, hall=0.02, ducks=True, loose=0.001),
            Part(pad, held(voiced(harmony, 60, spread=True), 0.6), gain=-8, hall=0.5),
            Part(pluck, glass, gain=-5, pan=-0.2, hall=0.3, echo=0.35, loose=0.002),
            Part(bell, tune, gain=-8, pan=0.2, hall=0.5, echo=0.4),
        ),
        lufs=-14,
        hall=2.0,
    )
