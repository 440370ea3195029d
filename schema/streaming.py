"""What a player is given to play a track."""

from datetime import datetime
from operator import attrgetter

import strawberry

from domain.streaming import AudioQuality, NetworkType, QualityLimit
from schema.fields import pure
from schema.scalars import URL

strawberry.enum(AudioQuality)
strawberry.enum(NetworkType)
strawberry.enum(QualityLimit)


@strawberry.type(
    description="What a player trims so that one track runs into the next without a gap, in samples at `sampleRateHz`."
)
class Gapless:
    encoder_delay: int
    padding: int
    total_samples: int


@strawberry.type
class Loudness:
    integrated_lufs: float
    true_peak_db: float


@strawberry.type
class LicenceOffer:
    key_system: str
    key_id: str
    url: URL


@strawberry.type
class StreamGrant:
    url: URL = strawberry.field(
        description=(
            "Plays with any HTTP client until `expiresAt`, ranges included; a changed or expired URL is refused."
        )
    )
    expires_at: datetime = strawberry.field(description="One hour after signing.")
    quality: AudioQuality
    limited_by: list[QualityLimit] = strawberry.field(
        description="Why it is not better: every limit that held it at this quality. Empty at HI_RES_LOSSLESS."
    )
    codec: str = pure(attrgetter("rendition.codec"))
    mime_type: str
    bitrate_kbps: int = pure(attrgetter("rendition.bitrate_kbps"))
    sample_rate_hz: int = pure(attrgetter("rendition.sample_rate_hz"))
    bit_depth: int | None = pure(attrgetter("rendition.bit_depth"))
    size_bytes: int = pure(attrgetter("rendition.size_bytes"))
    gapless: Gapless = pure(attrgetter("rendition"))
    loudness: Loudness | None
    licence: LicenceOffer | None = strawberry.field(description="Null when the rendition is not encrypted.")
