"""Where sound begins: oscillators, envelopes, a plucked string and filtered noise, as arrays of float32.

Everything works on whole arrays. A `rate` is in samples a second, a frequency in Hz, times are in seconds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]
Levels = Sequence[float] | NDArray[np.floating]

TURN = np.float32(2 * np.pi / 2**32)


def hertz(pitch: float) -> float:
    """The frequency of a MIDI note number: 69 is A4, 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def clock(length: int, rate: int) -> Signal:
    """The time of every sample."""
    return np.arange(length, dtype=np.float32) / np.float32(rate)


def phase(frequency: float, length: int, rate: int, start: float = 0.0) -> Signal:
    """The angle of a steady tone, -π to π.

    A 32-bit counter that overflows once a cycle: exact for any length, where an angle that grows in float32 has lost
    its precision after a few seconds.
    """
    step = np.uint32(round(frequency / rate * 2**32) % 2**32)
    counter = np.arange(length, dtype=np.uint32) * step + np.uint32(int(start % 1.0 * 2**32))
    return counter.view(np.int32).astype(np.float32) * TURN


def sine(frequency: float, length: int, rate: int, start: float = 0.0) -> Signal:
    return np.sin(phase(frequency, length, rate, start))


def partials(
    frequency: float,
    levels: Levels,
    length: int,
    rate: int,
    *,
    ratios: Levels | None = None,
    fading: Levels | None = None,
    starts: Levels | None = None,
) -> Signal:
    """A sum of sines: harmonics, or `ratios` of the frequency; each may fade at its own rate, in nepers a second.

    Partials above 45 % of the rate are left out rather than folded back.
    """
    total = np.zeros(length, dtype=np.float32)
    time = clock(length, rate)
    for index, level in enumerate(levels):
        ratio = index + 1 if ratios is None else ratios[index]
        if frequency * ratio > 0.45 * rate:
            continue
        tone = sine(frequency * ratio, length, rate, 0.0 if starts is None else starts[index])
        if fading is not None:
            tone *= np.exp(time * np.float32(-fading[index]))
        total += np.float32(level) * tone
    return total


def rise(length: int) -> Signal:
    """Half a cosine from 0 to 1: the smoothest way up, and down when it is read backwards."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1))).astype(np.float32)


def adsr(gate: float, rate: int, attack: float, decay: float, sustain: float, release: float) -> Signal:
    """Attack, decay to `sustain`, hold until `gate`, release: `gate + release` seconds long, from 0 to 0."""
    held, tail = max(int(gate * rate), 1), max(int(release * rate), 1)
    up = min(int(attack * rate), held)
    curve = np.full(held + tail, sustain, dtype=np.float32)
    fall = clock(held - up, rate) / np.float32(max(decay, 1e-3))
    curve[up:held] += np.float32(1.0 - sustain) * np.exp(np.float32(-4.0) * fall)
    curve[:up] = rise(up)
    # The square of the falling cosine: it starts without a corner and ends nearly as a natural decay does.
    curve[held:] = curve[held - 1] * rise(tail)[::-1] ** 2
    return curve


def faded(signal: Signal, rate: int, first: float = 0.002, last: float = 0.01) -> Signal:
    """The signal with its two ends brought to silence, in place, so that neither clicks."""
    up, down = min(int(first * rate), len(signal)), min(int(last * rate), len(signal))
    signal[:up] *= rise(up)
    signal[len(signal) - down :] *= rise(down)[::-1]
    return signal


def noise(length: int, seed: int) -> Signal:
    """White noise between -1 and 1, always the same for a seed."""
    return np.random.default_rng(seed).random(length, dtype=np.float32) * np.float32(2) - np.float32(1)


def filtered(signal: Signal, rate: int, low: float = 0.0, high: float = 0.0, order: int = 1) -> Signal:
    """Without what lies below `low` and above `high` (0: no limit), by Butterworth magnitudes without phase."""
    short = len(signal) < rate
    size = fast_size(len(signal) + rate // 20) if short else 8192
    frequencies = np.fft.rfftfreq(size, 1.0 / rate).astype(np.float32)
    gain = np.ones_like(frequencies)
    if high:
        gain /= np.sqrt(1.0 + (frequencies / np.float32(high)) ** (2 * order))
    if low:
        gain /= np.sqrt(1.0 + (np.float32(low) / np.maximum(frequencies, 1e-3)) ** (2 * order))
    if short:
        return inverse(spectrum(signal, size) * gain, size)[: len(signal)]
    kernel = np.roll(np.fft.irfft(gain, size), size // 2) * np.hanning(size)
    late = np.concatenate([signal, np.zeros(size // 2, np.float32)])
    return convolved(late, kernel[np.newaxis].astype(np.float32))[0, size // 2 :]


def convolved(signal: Signal, responses: Signal) -> Signal:
    """One signal through several responses, (n,) and (k, m) -> (k, n), as one convolution by blocks.

    Signal and responses are cut into blocks that fit in a processor's cache, where a transform is three times as fast
    as a single one over everything.
    """
    block = 8192 if responses.shape[1] <= 8192 else 32_768
    spectra = spectrum(blocked(signal, block), 2 * block)
    parts = [spectrum(blocked(response, block), 2 * block) for response in responses]
    outputs = np.zeros((len(responses), len(spectra) + 1, block), np.float32)
    scale = np.float32(np.sqrt(2 * block))
    for here in range(len(spectra)):
        for output, part in zip(outputs, parts, strict=True):
            total = spectra[here] * part[0]
            for back in range(1, min(here + 1, len(part))):
                total += spectra[here - back] * part[back]
            pair = inverse(total, 2 * block) * scale
            output[here] += pair[:block]
            output[here + 1] = pair[block:]
    return outputs.reshape(len(responses), -1)[:, : len(signal)]


def spectrum(signal: Signal, size: int) -> NDArray[np.complex64]:
    """The orthonormal transform. With the usual norm numpy computes in double precision, three times as slowly."""
    return np.fft.rfft(signal, size, norm="ortho").astype(np.complex64, copy=False)


def inverse(spectra: NDArray[np.complex64], size: int) -> Signal:
    return np.fft.irfft(spectra, size, norm="ortho").astype(np.float32, copy=False)


def blocked(signal: Signal, block: int) -> Signal:
    """The signal in rows of `block` samples, the last filled up with silence."""
    rows = -(-len(signal) // block)
    return np.pad(signal, (0, rows * block - len(signal))).reshape(rows, block)


def fast_size(length: int) -> int:
    """The next length that a Fourier transform likes: 2, 3 or 5 times a power of two."""
    power = 1 << max(length - 1, 1).bit_length()
    return next((size for size in (power * 5 // 8, power * 3 // 4) if size >= length), power)


def plucked(frequency: float, seconds: float, rate: int, *, tone: float, ring: float, seed: int) -> Signal:
    """A plucked string (Karplus and Strong, 1983), one period at a time.

    The excitation is made of harmonics rather than of noise, so that it can carry the place where the string is
    plucked (a quarter of its length) and a `tone`: the power by which harmonics fall, 0.5 wire, 1.5 nylon. `ring` is
    the time in which the fundamental falls by 60 dB.
    """
    blend = 0.35  # how far the loop's filter leans to the older sample: brighter than the classic one half
    period = max(int(rate / frequency - blend), 4)
    orders = np.arange(1, period // 2 + 1)
    weights = np.abs(np.sin(np.pi * orders * 0.26)) / orders**tone
    angles = np.random.default_rng(seed).random(len(orders)) * 2 * np.pi
    burst = np.fft.irfft(np.concatenate([[0], weights * np.exp(1j * angles)]), period)
    burst /= np.abs(burst).max()
    loss = 10.0 ** (-3.0 / (frequency * ring))
    rows = np.empty((int(seconds * rate / period) + 3, period), dtype=np.float64)
    rows[0] = burst
    before = burst[-1]
    for row in range(1, len(rows)):
        last = rows[row - 1]
        rows[row, 0] = (1 - blend) * last[0] + blend * before
        rows[row, 1:] = (1 - blend) * last[1:] + blend * last[:-1]
        rows[row] *= loss
        before = last[-1]
    # The loop's period is a whole number of samples plus the filter's delay; reading it at another speed tunes it.
    string = rows.ravel()
    speed = frequency * (period + blend) / rate
    places = np.arange(int(seconds * rate)) * speed
    tuned: Signal = np.interp(places, np.arange(len(string)), string).astype(np.float32)
    return tuned
