"""A recording that is ready for the catalogue: measured, encoded, and stored."""

from dataclasses import dataclass

from domain.features import Features
from domain.loudness import Loudness
from domain.streaming import AudioQuality


@dataclass(frozen=True, slots=True)
class Rendition:
    """One stored rendition: a row of audio_files to be. Delay, padding and length are in samples at its rate."""

    quality: AudioQuality
    codec: str
    bitrate_kbps: int
    sample_rate_hz: int
    bit_depth: int | None
    size_bytes: int
    object_key: str
    encoder_delay: int
    padding: int
    total_samples: int


@dataclass(frozen=True, slots=True)
class Cover:
    """A stored picture. `key` is the SHA-256 of its bytes."""

    key: str
    content_type: str
    width: int
    height: int
    dominant_color: str


@dataclass(frozen=True, slots=True)
class Recording:
    duration_ms: int
    loudness: Loudness | None
    features: Features
    renditions: tuple[Rendition, ...]
    cover: Cover | None

    @property
    def quality(self) -> AudioQuality:
        """The best tier that the source gave."""
        return max(rendition.quality for rendition in self.renditions)
