"""Power spectra of short frames, and the mel bands from which the beat and the treble are measured."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SAMPLE_RATE = 22_050
# 46 ms long, every 11.6 ms: short enough to place an onset, long enough to hold a kick drum's pitch.
FRAME = 1024
HOP = 256
FRAME_RATE = SAMPLE_RATE / HOP
# Samples transformed at once: half a megabyte stays inside a core's cache.
BATCH = 1 << 17


def power_spectra(samples: Floats, frame: int, hop: int) -> Iterator[Floats]:
    """Batches (frames, frame/2 + 1) over every whole Hann-windowed frame; a sine of amplitude 1 peaks at 1."""
    window = (np.hanning(frame + 1)[:-1] * 4.0 / frame).astype(np.float32)
    if len(samples) < frame:
        return
    frames = sliding_window_view(samples, frame)[::hop]
    batch = BATCH // frame
    for start in range(0, len(frames), batch):
        spectrum = np.fft.rfft(frames[start : start + batch] * window)
        yield np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def band_powers(samples: Floats) -> Floats:
    """(frames, BANDS) for every whole frame of `samples`."""
    return np.concatenate([mel_bands(power) for power in power_spectra(samples, FRAME, HOP)])


def mel_bands(power: Floats) -> Floats:
    """Overlapping triangles of height 1, (frames, bins) to (frames, BANDS).

    What lies between two edges rises towards the band centred on the upper and falls from the one centred on the lower,
    so two sums over the intervals are all bands. A matrix product would say the same, but its library starts threads
    for it, which hold each other up when several files are measured at once.
    """
    rising = np.add.reduceat(power[:, :-1] * RISE, EDGE_BINS, axis=1)
    falling = np.add.reduceat(power[:, :-1] * (1.0 - RISE), EDGE_BINS, axis=1)
    return np.asarray(rising[:, :-1] + falling[:, 1:])


def mel_edges(low_hz: float, high_hz: float, bands: int) -> Doubles:
    """Evenly spaced in mel = 2595·log10(1 + Hz/700) (O'Shaughnessy 1987); band b lies between edges b and b + 2."""
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (low_hz, high_hz))
    return np.asarray(700.0 * (10.0 ** (np.linspace(low, high, bands + 2) / 2595.0) - 1.0))


BANDS = 40
MEL_EDGES = mel_edges(40.0, SAMPLE_RATE / 2, BANDS)
BAND_HZ = MEL_EDGES[1:-1]
# Every bin but the last, which lies on the last edge and has no weight.
BIN_HZ = np.arange(FRAME // 2) * SAMPLE_RATE / FRAME
# The first bin of each interval between edges, and how far a bin has come from its lower edge to its upper, 0..1.
EDGE_BINS = np.searchsorted(BIN_HZ, MEL_EDGES[:-1])
RISE = (np.interp(BIN_HZ, MEL_EDGES, np.arange(BANDS + 2)) % 1.0).astype(np.float32)
