"""Which renditions a source gets. Nothing is ever upsampled, and no tier claims more than the source holds."""

from dataclasses import dataclass

from domain.streaming import AudioQuality

# The rates at which AAC-LC is defined (ISO/IEC 14496-3, table 1.18), up to the 44.1 kHz of our tiers.
AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100)
LOSSLESS_RATES = (44_100, 48_000)
HI_RES_RATE_LIMIT = 192_000

# A lossy source whose bit rate AAC_128 already carries gains nothing from a second, larger file. A quarter more than
# 128 kbps, because the average of a variable-rate file strays around its nominal rate.
AAC_256_FROM_KBPS = 160
# AAC spends at most 6144 bits on 1024 samples of a channel (ISO/IEC 14496-3, 4.5.3.1): six a sample.
AAC_BITS_A_SAMPLE = 6


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """What a file holds. `bit_depth` is None for lossy codecs; `bitrate_kbps` is the average over the file."""

    codec: str
    lossless: bool
    sample_rate_hz: int
    bit_depth: int | None
    channels: int
    bitrate_kbps: int


@dataclass(frozen=True, slots=True)
class RenditionPlan:
    """One rendition to make. `bitrate_kbps` is the target for AAC and None for ALAC, which takes what it needs."""

    quality: AudioQuality
    codec: str
    sample_rate_hz: int
    bit_depth: int | None
    channels: int
    bitrate_kbps: int | None


def plan_renditions(source: SourceFormat) -> tuple[RenditionPlan, ...]:
    """Every rendition that `source` deserves, best first."""
    plans = []
    if source.lossless:
        depth = source.bit_depth or 16
        rate = source.sample_rate_hz
        if rate > LOSSLESS_RATES[-1] or depth > 16:
            hi_res_rate = rate if rate <= HI_RES_RATE_LIMIT else halve_until(rate, HI_RES_RATE_LIMIT)
            plans.append(
                RenditionPlan(
                    AudioQuality.HI_RES_LOSSLESS,
                    "alac",
                    hi_res_rate,
                    24 if depth > 16 else 16,
                    source.channels,
                    None,
                )
            )
        plans.append(RenditionPlan(AudioQuality.LOSSLESS, "alac", lossless_rate(rate), 16, source.channels, None))
    aac_rate = max((r for r in AAC_RATES if r <= source.sample_rate_hz), default=AAC_RATES[0])
    channels = min(source.channels, 2)
    most = aac_rate * channels * AAC_BITS_A_SAMPLE
    if most >= 256_000 and (source.lossless or source.bitrate_kbps >= AAC_256_FROM_KBPS):
        plans.append(RenditionPlan(AudioQuality.AAC_256, "aac", aac_rate, None, channels, 256))
    plans.append(RenditionPlan(AudioQuality.AAC_128, "aac", aac_rate, None, channels, 128))
    return tuple(plans)


def lossless_rate(rate: int) -> int:
    """44.1 kHz for its multiples, 48 kHz for anything else above it; lower rates stay as they are."""
    if rate <= LOSSLESS_RATES[-1]:
        return rate
    return 44_100 if rate % 44_100 == 0 else 48_000


def halve_until(rate: int, limit: int) -> int:
    """The highest integer fraction by powers of two that fits: 352.8 kHz becomes 176.4 kHz."""
    while rate > limit:
        rate //= 2
    return rate


def resampled_length(samples: int, source_rate: int, target_rate: int) -> int:
    """How many samples a recording has at another rate: the nearest whole number, halves upwards."""
    return (2 * samples * target_rate + source_rate) // (2 * source_rate)
