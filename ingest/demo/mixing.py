"""From a score to a finished stereo recording: players, hall, echo, loudness, limiter."""

import numpy as np
from numpy.typing import NDArray

from ingest.demo.score import Part, Piece
from ingest.demo.synth import Signal, clock, convolved, filtered, noise, rise, spectrum

# Sample peaks stay below this; the peaks between samples, and those that a lossy encoder adds, then stay below -1 dBFS.
CEILING = 10 ** (-2.2 / 20)


def render(piece: Piece, rate: int) -> Signal:
    """The piece as samples of shape (length, 2), mastered and faded; always the same for the same piece and rate."""
    length = int((piece.seconds(piece.beats) + piece.tail) * rate)
    dry, ducked, track = np.zeros((3, 2, length), np.float32)
    hall, echo = np.zeros((2, length), np.float32)
    for number, part in enumerate(piece.parts):
        track.fill(0)
        perform(part, piece, track, rate, seed=number)
        target = ducked if part.ducks else dry
        target += track
        middle = track[0] + track[1]
        hall += np.float32(part.hall / 2) * middle
        if part.echo:
            echo += np.float32(part.echo / 2) * middle
    if piece.kicks:
        ducked *= ducking(piece, length, rate)
    repeats = echoed(echo, int(piece.seconds(piece.echo) * rate), rate)
    hall += np.float32(0.15) * (repeats[0] + repeats[1])
    mix = dry + ducked + repeats + convolved(hall, hall_response(piece.hall, rate))
    return faded_ends(until_silence(mastered(mix, piece.lufs, rate)), rate).T.copy()


def perform(part: Part, piece: Piece, track: Signal, rate: int, seed: int) -> None:
    """Play one player's notes onto a stereo track. Nobody is exact: time and strength wander a little, by `seed`."""
    chance = np.random.default_rng(seed)
    slips = np.clip(chance.standard_normal(len(part.notes)), -2, 2) * part.loose
    strengths = 1.0 + np.clip(chance.standard_normal(len(part.notes)), -2, 2) * 0.06
    angle = (part.pan + 1) * np.pi / 4
    sides = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(np.sqrt(2) * 10 ** (part.gain / 20))
    played: dict[tuple[float, float, float], Signal] = {}
    for note, slip, strength in zip(part.notes, slips, strengths, strict=True):
        velocity = min(max(note.velocity * strength, 0.02), 1.0)
        # Eighths of a velocity are as many colours as anyone hears, and let repeated notes be made once.
        key = note.pitch, round(piece.seconds(note.beats), 4), round(velocity * 8) / 8
        if key not in played:
            played[key] = part.voice(*key, rate)
        sound = played[key]
        start = max(int((piece.seconds(note.beat) + slip) * rate), 0)
        sound = sound[..., : max(track.shape[1] - start, 0)]
        track[:, start : start + sound.shape[-1]] += sides * np.float32(velocity**1.5) * sound


def ducking(piece: Piece, length: int, rate: int) -> Signal:
    """The gain that makes way for the kick: down by some 9 dB within 5 ms, back within a third of a second."""
    gain = np.ones(length, np.float32)
    time = clock(int(0.4 * rate), rate)
    dip = 1 - np.float32(0.65) * np.exp(-9 * time) * np.clip(time / 0.005, 0, 1)
    for kick in piece.kicks:
        start = int(piece.seconds(kick.beat) * rate)
        part = gain[start : start + len(dip)]
        np.minimum(part, dip[: len(part)], out=part)
    return gain


def echoed(send: Signal, delay: int, rate: int) -> Signal:
    """Five darker repeats that fall from one side to the other."""
    repeats = np.zeros((2, len(send)), np.float32)
    if not send.any():
        return repeats
    send = filtered(send, rate, 180, 2800)
    for number in range(1, 6):
        repeats[number % 2, number * delay :] += np.float32(0.55**number) * send[: -number * delay]
        repeats[1 - number % 2, number * delay :] += np.float32(0.25 * 0.55**number) * send[: -number * delay]
    return repeats


def hall_response(seconds: float, rate: int) -> Signal:
    """A hall that never was: noise in three bands, the highest dying first, different for each ear, of unit energy."""
    length = int(seconds * rate)
    time = clock(length, rate)
    sides = []
    for ear in (0, 1):
        grain = noise(length, 53 + ear)
        total = np.zeros(length, np.float32)
        for low, high, share in ((120, 700, 1.0), (700, 3000, 0.75), (3000, 9000, 0.45)):
            total += filtered(grain, rate, low, high) * np.exp(np.float32(-6.9 / (seconds * share)) * time)
        opening = int(0.018 * rate)
        total[:opening] = 0
        total[opening : opening + rate // 50] *= rise(rate // 50)
        total[-(rate // 20) :] *= rise(rate // 20)[::-1]
        sides.append(total / np.sqrt(np.sum(total**2)))
    return np.stack(sides)


def mastered(mix: Signal, lufs: float, rate: int) -> Signal:
    """The mix at its loudness, under the ceiling. What the limiter takes away, a second turn gives back."""
    for _ in range(2):
        mix = mix * np.float32(10 ** ((lufs - loudness(mix, rate)) / 20))
        if max(mix.max(), -mix.min()) <= CEILING:
            break
        mix = limited(mix, rate)
    return mix


def loudness(mix: Signal, rate: int) -> float:
    """Integrated loudness in LUFS after ITU-R BS.1770-4, from spectra of 46 ms frames that lie side by side.

    The weighting is the standard's two filters as magnitudes, the gates see eight frames at once instead of 400 ms that
    overlap; a tenth of a LU from a meter that follows the standard to the letter.
    """
    frame = 2048 * max(round(rate / 44_100), 1)
    count = mix.shape[1] // (8 * frame) * 8
    powers = np.abs(spectrum(mix[:, : count * frame].reshape(2, count, frame), frame)) ** 2
    power = (powers @ k_weighting(np.fft.rfftfreq(frame, 1 / rate))).sum(axis=0) * 2 / frame
    blocks = power.reshape(-1, 8).mean(axis=1)
    audible = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    kept = audible[audible > audible.mean() * 0.1]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def k_weighting(frequencies: NDArray[np.floating]) -> NDArray[np.floating]:
    """The squared magnitude of BS.1770's filters at 48 kHz, evaluated where we need it."""
    z = np.exp(-2j * np.pi * np.minimum(frequencies, 23_999) / 48_000)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    weights: NDArray[np.floating] = np.abs(shelf * high) ** 2
    return weights.astype(np.float32)


def limited(mix: Signal, rate: int) -> Signal:
    """No sample above the ceiling: the gain goes down before a peak arrives and comes back slowly, without a corner."""
    step = 32
    blocks = -(-mix.shape[1] // step)
    peaks = np.zeros(blocks * step, np.float32)
    peaks[: mix.shape[1]] = np.maximum(np.abs(mix[0]), np.abs(mix[1]))
    need = np.minimum(1.0, CEILING / np.maximum(peaks.reshape(blocks, step).max(axis=1), 1e-9))
    reach = max(int(0.004 * rate / step), 2)
    width = 2 * reach + 1
    padded = np.pad(need, 2 * reach + 2, mode="edge")
    # A mean of minima that all see a block and its neighbours never exceeds what any of the three needs.
    wide = np.lib.stride_tricks.sliding_window_view(padded, width + 2).min(axis=1)
    smooth = np.convolve(wide, np.full(width, 1 / width), mode="valid").astype(np.float32)
    # From the middle between a block and the one before to the middle between it and the next, in a straight line.
    edges = (smooth[:-1] + smooth[1:]) / 2
    line = np.arange(step, dtype=np.float32) / step
    gain = edges[:-1, np.newaxis] + (edges[1:] - edges[:-1])[:, np.newaxis] * line
    return mix * gain.ravel()[: mix.shape[1]].astype(np.float32)


def until_silence(mix: Signal) -> Signal:
    """Without what comes after the last sample above -60 dBFS: the hall has died away before the tail is over."""
    audible = np.flatnonzero(np.maximum(np.abs(mix[0]), np.abs(mix[1])) > 1e-3)
    return mix[:, : int(audible[-1]) + 1]


def faded_ends(mix: Signal, rate: int, first: float = 0.005, last: float = 0.8) -> Signal:
    """From and to silence."""
    up, down = int(first * rate), int(last * rate)
    mix[:, :up] *= rise(up)
    mix[:, -down:] *= rise(down)[::-1]
    return mix
