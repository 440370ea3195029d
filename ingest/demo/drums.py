"""The drum kit. Each has an instrument's signature and ignores how long it is held; some listen to the pitch."""

import numpy as np

from ingest.demo.synth import Signal, clock, faded, filtered, hertz, noise, partials, sine


def kick(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A sine that falls from a knock to `pitch`; 0 is a house kick at 48 Hz."""
    return drum(hertz(pitch) if pitch else 48.0, 0.42, rate, knock=240.0, speed=48.0, decay=7.5, click=0.25 * velocity)


def soft_kick(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A bass drum played softly, without an edge."""
    return drum(52.0, 0.3, rate, knock=45.0, speed=40.0, decay=11.0, click=0.03 * velocity)


def frame_drum(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A bodhrán: a skin under a short stick, tuned by `pitch`."""
    return drum(hertz(pitch or 45), 0.32, rate, knock=60.0, speed=45.0, decay=12.0, click=0.22 * velocity)


def drum(root: float, seconds: float, rate: int, *, knock: float, speed: float, decay: float, click: float) -> Signal:
    time = clock(int(seconds * rate), rate)
    # The integral of root + knock·exp(-speed·t), in turns.
    turns = root * time + np.float32(knock / speed) * (1 - np.exp(-speed * time))
    skin = np.sin(np.float32(2 * np.pi) * turns) * np.exp(-decay * time)
    edge = filtered(noise(len(time), 7), rate, 700, 5000) * np.exp(-220 * time)
    return faded(np.tanh(1.4 * skin + np.float32(click) * edge).astype(np.float32) * np.float32(0.85), rate, 0.001, 0.1)


def snare(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    time = clock(int(0.32 * rate), rate)
    skin = partials(187.0, (1.0, 0.6, 0.3), len(time), rate, ratios=(1.0, 1.78, 2.6), fading=(22, 30, 40))
    wires = filtered(noise(len(time), 11), rate, 900, 9500) * np.exp(-(24 - 8 * np.float32(velocity)) * time)
    return faded(np.tanh(0.8 * skin + 1.3 * wires).astype(np.float32) * np.float32(0.6), rate, 0.001, 0.05)


def clap(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """Four pairs of hands a few milliseconds apart, then the room."""
    time = clock(int(0.3 * rate), rate)
    hands = sum(np.where(time >= start, np.exp(-170 * np.abs(time - start)), 0) for start in (0, 0.011, 0.021))
    room = np.where(time >= 0.03, np.exp(-19 * np.abs(time - 0.03)), 0)
    air = filtered(noise(len(time), 13), rate, 800, 3800, order=2)
    return faded((air * (hands + 0.8 * room)).astype(np.float32), rate, 0.001, 0.05)


def hat(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    return cymbal(0.09, rate, decay=65 - 20 * velocity, low=7000, seed=17)


def open_hat(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    return cymbal(0.34, rate, decay=12.0, low=6500, seed=19)


def foot_hat(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """The two cymbals closed by the pedal: the "chick" on two and four."""
    return cymbal(0.12, rate, decay=42.0, low=4200, seed=23)


def ride(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A ride cymbal: the ping of the stick over a wash of partials that no scale knows."""
    length = int(1.5 * rate)
    ratios = (1.0, 1.483, 1.932, 2.546, 2.63, 3.9, 4.71, 6.13)
    fading = tuple(2.4 + 0.8 * ratio for ratio in ratios)
    metal = partials(1320.0, (0.3, 0.35, 0.3, 0.4, 0.3, 0.35, 0.3, 0.25), length, rate, ratios=ratios, fading=fading)
    wash = cymbal(1.5, rate, decay=3.2, low=5200, seed=29)
    tip = cymbal(1.5, rate, decay=80.0, low=3500, seed=31)
    return faded(0.1 * metal + 0.35 * wash + np.float32(0.5 * velocity) * tip, rate, 0.0005, 0.4)


def cymbal(seconds: float, rate: int, *, decay: float, low: float, seed: int) -> Signal:
    hiss = filtered(noise(int(seconds * rate), seed), rate, low, 15000, order=2)
    return faded(hiss * np.exp(np.float32(-decay) * clock(len(hiss), rate)) * np.float32(0.8), rate, 0.0005, 0.02)


def shaker(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    time = clock(int(0.1 * rate), rate)
    swell = np.exp(-(((time - 0.03) / 0.018) ** 2))
    return faded((filtered(noise(len(time), 37), rate, 4500, 11000) * swell).astype(np.float32), rate, 0.004, 0.02)


def brush(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """A brush drawn over the snare for as long as the note is held."""
    time = clock(int((gate + 0.1) * rate), rate)
    stroke = np.sin(np.pi * np.clip(time / np.float32(gate + 0.1), 0, 1)) ** 2
    sound: Signal = (0.6 * filtered(noise(len(time), 41), rate, 1200, 6500) * stroke).astype(np.float32)
    return sound


def rim(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    length = int(0.08 * rate)
    stick = partials(430.0, (0.5, 0.5, 0.35), length, rate, ratios=(1.0, 3.9, 6.1), fading=(60, 70, 110))
    return faded(stick, rate, 0.0005, 0.02)


def wind(pitch: float, gate: float, velocity: float, rate: int) -> Signal:
    """Air that swells and falls around `pitch`, different on each side."""
    length = int(gate * rate)
    swell = np.float32(0.55) + np.float32(0.45) * sine(0.13, length, rate, 0.75)
    edge = np.sin(np.pi * np.arange(length, dtype=np.float32) / length) ** np.float32(0.7)
    root = hertz(pitch)
    sides = [filtered(noise(length, seed), rate, root * 0.6, root * 1.7) for seed in (43, 47)]
    return (np.stack(sides) * swell * edge).astype(np.float32)
