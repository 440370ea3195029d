"""Which rendition a listener hears, and why it is not a better one.

final = min(preferred, subscription, network), then the best rendition that exists at or below it, never above.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, IntEnum

from domain.accounts import PERMISSIONS, Permission, Role, SubscriptionTier


class AudioQuality(IntEnum):
    """The tiers in order, so that `min` and `<=` mean what they say."""

    AAC_128 = 1
    AAC_256 = 2
    LOSSLESS = 3
    HI_RES_LOSSLESS = 4


class NetworkType(Enum):
    WIFI = "WIFI"
    FIVE_G = "FIVE_G"
    LTE = "LTE"
    THREE_G = "THREE_G"


class QualityLimit(Enum):
    """What held the quality down. SOURCE: the recording has no better rendition."""

    PREFERENCE = "PREFERENCE"
    SUBSCRIPTION = "SUBSCRIPTION"
    NETWORK = "NETWORK"
    SOURCE = "SOURCE"


SUBSCRIPTION_LIMIT = {
    SubscriptionTier.FREE: AudioQuality.AAC_128,
    SubscriptionTier.VOICE: AudioQuality.AAC_256,
    SubscriptionTier.INDIVIDUAL: AudioQuality.LOSSLESS,
    SubscriptionTier.PREMIUM: AudioQuality.HI_RES_LOSSLESS,
}
NETWORK_LIMIT = {
    NetworkType.THREE_G: AudioQuality.AAC_128,
    NetworkType.LTE: AudioQuality.AAC_256,
    NetworkType.FIVE_G: AudioQuality.LOSSLESS,
    NetworkType.WIFI: AudioQuality.HI_RES_LOSSLESS,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The tier to play and every limit that held it there; `quality` is None when nothing may be played."""

    quality: AudioQuality | None
    limited_by: tuple[QualityLimit, ...]


def subscription_limit(tier: SubscriptionTier, role: Role) -> AudioQuality:
    """The best tier that a subscription allows; the lossless ones also need the permission stream:lossless."""
    limit = SUBSCRIPTION_LIMIT[tier]
    return limit if Permission.STREAM_LOSSLESS in PERMISSIONS[role] else min(limit, AudioQuality.AAC_256)


def decide(
    existing: Collection[AudioQuality],
    *,
    preferred: AudioQuality,
    subscription: AudioQuality,
    network: AudioQuality = AudioQuality.HI_RES_LOSSLESS,
) -> Decision:
    """Choose the best existing tier that every limit allows, with the reasons.

    A limit is a reason when it would hold the answer at this tier even if all the others were lifted; the source is
    one when it holds nothing better, or lacks the very tier that was allowed.
    """
    limits = {
        QualityLimit.PREFERENCE: preferred,
        QualityLimit.SUBSCRIPTION: subscription,
        QualityLimit.NETWORK: network,
    }
    allowed = min(limits.values())
    quality = best_at_or_below(existing, allowed)
    if quality is AudioQuality.HI_RES_LOSSLESS:
        return Decision(quality, ())
    best = max(existing, default=None)
    reasons = [
        reason
        for reason, limit in limits.items()
        if best_at_or_below(existing, limit) == quality and (limit == quality or (best is not None and best > limit))
    ]
    if quality == best or quality != allowed:
        reasons.append(QualityLimit.SOURCE)
    return Decision(quality, tuple(reasons))


def best_at_or_below(existing: Collection[AudioQuality], limit: AudioQuality) -> AudioQuality | None:
    return max((quality for quality in existing if quality <= limit), default=None)
