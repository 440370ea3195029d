"""The band: each instrument plays one note, `(pitch, gate, velocity, rate) -> samples`, mono or two channels.

`pitch` is a MIDI number, `gate` how many seconds the key is held, `velocity` 0..1 shapes the colour of the tone; how
loud the note is in the end is the mixer's business. Levels are such that one note peaks near 0.5.
"""

import numpy as np

from ingest.demo.synth import Signal, adsr, clock, faded, filtered, hertz, noise, partials, phase, plucked, sine


def pad(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """Slow strings of glass: two detuned voices, one a side, whose upper harmonics drift."""
    curve = adsr(gate, rate, min(1.4, gate / 2), 4.0, 0.8, 2.2)
    drift = 1.0 + 0.25 * sine(0.11 + pitch % 7 * 0.013, len(curve), rate, pitch % 5 / 5)
    sides = []
    for cents, start in ((-5.0, 0.0), (5.0, 0.37)):
        frequency = hertz(pitch + cents / 100)
        body = partials(frequency, (1.0, 0.4, 0.2, 0.1), len(curve), rate, starts=(start, 0.2, start, 0.6))
        air = partials(frequency * 5, (0.06, 0.03 * velocity), len(curve), rate, ratios=(1.0, 1.4))
        beat = partials(hertz(pitch + cents / 45), (0.5, 0.25, 0.12), len(curve), rate, starts=(start, start, 0.1))
        sides.append((body + beat + air * drift) * curve * np.float32(0.22))
    return np.stack(sides).astype(np.float32)


def bell(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A small glass bell, by frequency modulation at an inharmonic ratio."""
    length = int((gate + 2.4) * rate)
    time = clock(length, rate)
    index = np.float32(1.1 + 1.4 * velocity) * np.exp(-4.5 * time)
    carrier = phase(hertz(pitch), length, rate)
    strike = np.sin(carrier + index * sine(hertz(pitch) * 3.51, length, rate)) * np.exp(-2.0 * time)
    hum = sine(hertz(pitch) * 1.003, length, rate) * np.exp(-1.3 * time)
    return faded((0.3 * strike + 0.18 * hum).astype(np.float32), rate, 0.003, 0.3)


def electric_piano(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A tine piano: a mellow modulated tone, and a tine that rings out quickly when it is struck harder."""
    curve = adsr(gate, rate, 0.004, 1.8, 0.25, 0.35)
    time = clock(len(curve), rate)
    index = np.float32(0.25 + 1.2 * velocity) * np.exp(-2.2 * time) + np.float32(0.12)
    root = hertz(pitch)
    angle = phase(root, len(curve), rate)
    # Modulator and carrier in step: out of tune with each other they would leave a slowly turning constant.
    body = np.sin(angle + index * np.sin(angle))
    tine = sine(root * 14.02, len(curve), rate) * np.exp(-14.0 * time) if root * 14.02 < rate * 0.45 else 0.0
    wobble = np.float32(0.16) * sine(5.1, len(curve), rate)
    tone = (0.42 * body + 0.07 * velocity * tine) * curve
    return np.stack([tone * (1 + wobble), tone * (1 - wobble)]).astype(np.float32)


def felt_piano(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """An upright with felt between hammer and string. Its strings are stiff, which stretches the partials."""
    curve = adsr(gate, rate, 0.006, 30.0, 0.2, 0.5)
    orders = np.arange(1, 11)
    stiffness = 0.00025 * 2 ** ((pitch - 60) / 12)
    ratios = orders * np.sqrt(1 + stiffness * orders**2)
    levels = np.exp(-orders * (0.95 - 0.45 * velocity)) * np.abs(np.sin(np.pi * orders / 7.3)) * 3.0
    fading = (0.5 + 0.35 * orders) * 2 ** ((pitch - 60) / 20)
    first = partials(hertz(pitch - 0.008), levels, len(curve), rate, ratios=ratios, fading=fading)
    # The second string of the pair beats slowly against the first and decays at half its speed.
    second = partials(
        hertz(pitch + 0.012), (0.3, 0.1, 0.04), len(curve), rate, ratios=ratios[:3], fading=(0.5, 0.6, 0.8)
    )
    knock = min(len(curve), int(0.08 * rate))
    thump = filtered(noise(knock, int(pitch)), rate, 60, 400) * np.exp(-60 * clock(knock, rate))
    tone = (first + second) * curve
    tone[:knock] += faded(np.float32(0.25) * thump, rate)
    return (0.5 * tone).astype(np.float32)


def vibraphone(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """Tuned bars, whose overtones are the 4th and the 10th, under slowly turning fans."""
    length = int((gate + 1.6) * rate)
    root = hertz(pitch)
    fading = (1.1, 3.5, 11.0)
    bar = partials(root, (1.0, 0.28 * velocity, 0.14 * velocity), length, rate, ratios=(1, 3.99, 9.9), fading=fading)
    fan = 1.0 - np.float32(0.18) * (1.0 + sine(4.6, length, rate, 0.25))
    damped = np.ones(length, dtype=np.float32)
    after = int((gate + 0.35) * rate)
    damped[after:] = np.exp(-5.0 * clock(length - after, rate))
    return faded((0.48 * bar * fan * damped).astype(np.float32), rate, 0.002, 0.2)


def guitar(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A steel-string guitar, played with the fingers; the string rings a little after its time."""
    return string(pitch, gate, rate, tone=1.35 - 0.45 * velocity, ring=4.5 * 2 ** ((52 - pitch) / 24), after=0.5)


def mandolin(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """Two strings a course, a few cents apart and struck one after the other."""
    first = string(pitch - 0.03, gate, rate, tone=0.9 - 0.3 * velocity, ring=1.6, after=0.4)
    second = string(pitch + 0.04, gate, rate, tone=1.0 - 0.3 * velocity, ring=1.5, after=0.4)
    late = int(0.006 * rate)
    first[late:] += 0.8 * second[:-late]
    return np.float32(0.6) * first


def upright_bass(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A plucked double bass: a dull string, its wooden first moment and a deep fundamental."""
    curve = adsr(gate, rate, 0.012, 0.9, 0.2, 0.12)
    wood = string(pitch, gate, rate, tone=1.7 - 0.4 * velocity, ring=2.6, after=0.12)[: len(curve)]
    return (0.75 * filtered(wood, rate, 35, 1900) + 0.3 * sine(hertz(pitch), len(curve), rate) * curve).astype(
        np.float32
    )


def string(pitch: float, gate: float, rate: int, *, tone: float, ring: float, after: float) -> Signal:
    tail = plucked(hertz(pitch), gate + after, rate, tone=tone, ring=ring, seed=int(pitch * 8))
    return faded(tail * np.float32(0.5), rate, 0.001, after)


def flute(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A wooden whistle: few harmonics, breath around the tone, a vibrato that arrives late."""
    curve = adsr(gate, rate, 0.045, 0.3, 0.85, 0.09)
    time = clock(len(curve), rate)
    depth = np.float32(0.9 + 0.5 * velocity) * np.clip((time - 0.22) * 2.5, 0, 1)
    bend = depth * sine(5.3, len(curve), rate)
    root = hertz(pitch)
    angle = phase(root, len(curve), rate) + bend
    tone = np.sin(angle) + 0.28 * np.sin(2 * angle) + 0.1 * velocity * np.sin(3 * angle)
    breath = filtered(noise(len(curve), int(pitch)), rate, root * 0.9, root * 2.4, order=2)
    swell = 1 + 0.1 * depth * sine(5.3, len(curve), rate, 0.2)
    sound: Signal = ((0.38 * tone + 0.09 * breath) * curve * swell).astype(np.float32)
    return sound


def harmonium(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """Two ranks of reeds that beat against each other, one a side."""
    curve = adsr(gate, rate, 0.22, 1.0, 0.9, 0.4)
    levels = [(0.75 + 0.1 * velocity) ** order / order**0.6 for order in range(1, 13)]
    sides = [partials(hertz(pitch + cents / 100), levels, len(curve), rate) for cents in (-3.5, 3.5)]
    return (np.stack(sides) * curve * np.float32(0.17)).astype(np.float32)


def pluck(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A synthesiser's pluck: a saw whose harmonics close one after the other, as under a falling filter."""
    return closing_saw(pitch, gate, rate, harmonics=18, speed=1.6 - 0.9 * velocity, fall=4.5, release=0.3)


def stab(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A house chord's voice: two saws a few cents apart, one a side, closing quickly."""
    sides = [
        closing_saw(pitch + cents / 100, gate, rate, harmonics=16, speed=1.0 - 0.5 * velocity, fall=3.0, release=0.16)
        for cents in (-7, 7)
    ]
    return np.stack(sides)


def closing_saw(
    pitch: float, gate: float, rate: int, *, harmonics: int, speed: float, fall: float, release: float
) -> Signal:
    curve = adsr(gate, rate, 0.003, 2.0, 0.5, release)
    orders = np.arange(1, harmonics + 1)
    fading = fall * (0.4 + speed * orders**1.15 / 2)
    return partials(hertz(pitch), 0.42 / orders, len(curve), rate, fading=fading) * curve


def sub_bass(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A round synthesiser bass: a sine, and just enough harmonics for small loudspeakers."""
    curve = adsr(gate, rate, 0.008, 1.5, 0.75, 0.08)
    levels = (1.0, 0.3 + 0.15 * velocity, 0.14 * velocity, 0.07 * velocity, 0.04 * velocity)
    return (0.45 * partials(hertz(pitch), levels, len(curve), rate) * curve).astype(np.float32)


def reese(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """The bass of drum & bass: three saws out of tune over a sine that stays in the middle."""
    curve = adsr(gate, rate, 0.015, 3.0, 0.85, 0.12)
    levels = [1 / order * np.exp(-order / (4 + 5 * velocity)) for order in range(1, 15)]
    starts = [order * 0.31 % 1 for order in range(1, 15)]
    voices = [partials(hertz(pitch + cents / 100), levels, len(curve), rate, starts=starts) for cents in (-14, 4, 17)]
    deep = sine(hertz(pitch), len(curve), rate)
    left, right = voices[0] + 0.6 * voices[1], voices[2] + 0.6 * voices[1]
    return (np.stack([left * 0.3 + 0.3 * deep, right * 0.3 + 0.3 * deep]) * curve).astype(np.float32)
