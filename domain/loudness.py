"""How loud a recording is, so that a player can bring all recordings to one level without clipping."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loudness:
    """Over the whole recording (EBU R 128, ITU-R BS.1770).

    `integrated_lufs` in LUFS; `true_peak_db` in dBTP, above 0 when the waveform between the samples exceeds full scale.
    """

    integrated_lufs: float
    true_peak_db: float
