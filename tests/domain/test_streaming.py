"""Which rendition a listener hears: the whole decision table, against the contract's own words."""

from collections.abc import Iterable
from itertools import chain, combinations, product

import pytest

from domain.accounts import Role, SubscriptionTier, role_for_tier
from domain.streaming import NETWORK_LIMIT, AudioQuality, NetworkType, QualityLimit, decide, subscription_limit

AAC_128, AAC_256, LOSSLESS, HI_RES = AudioQuality
PREFERENCE, SUBSCRIPTION, NETWORK, SOURCE = QualityLimit
LOSSY = (AAC_128, AAC_256)
CD = (*LOSSY, LOSSLESS)
ALL = (*CD, HI_RES)

LADDERS = [ALL[:count] for count in range(1, 5)]
"""What ingest makes: every tier up to the source's own."""

SUBSETS = list(chain.from_iterable(combinations(ALL, count) for count in range(5)))


@pytest.mark.parametrize(
    ("tier", "network", "existing", "quality", "limited_by"),
    [
        (SubscriptionTier.FREE, NetworkType.WIFI, ALL, AAC_128, {SUBSCRIPTION}),
        (SubscriptionTier.FREE, NetworkType.THREE_G, ALL, AAC_128, {SUBSCRIPTION, NETWORK}),
        (SubscriptionTier.VOICE, NetworkType.WIFI, ALL, AAC_256, {SUBSCRIPTION}),
        (SubscriptionTier.INDIVIDUAL, NetworkType.WIFI, ALL, LOSSLESS, {SUBSCRIPTION}),
        (SubscriptionTier.INDIVIDUAL, NetworkType.WIFI, CD, LOSSLESS, {SUBSCRIPTION, SOURCE}),
        (SubscriptionTier.PREMIUM, NetworkType.LTE, ALL, AAC_256, {NETWORK}),
        (SubscriptionTier.PREMIUM, NetworkType.FIVE_G, ALL, LOSSLESS, {NETWORK}),
        (SubscriptionTier.PREMIUM, NetworkType.WIFI, LOSSY, AAC_256, {SOURCE}),
        (SubscriptionTier.PREMIUM, NetworkType.WIFI, CD, LOSSLESS, {SOURCE}),
        (SubscriptionTier.PREMIUM, NetworkType.WIFI, ALL, HI_RES, set()),
    ],
)
def test_examples(
    tier: SubscriptionTier,
    network: NetworkType,
    existing: tuple[AudioQuality, ...],
    quality: AudioQuality,
    limited_by: set[QualityLimit],
) -> None:
    decision = decide(
        existing,
        preferred=HI_RES,
        subscription=subscription_limit(tier, role_for_tier(Role.USER, tier)),
        network=NETWORK_LIMIT[network],
    )

    assert (decision.quality, set(decision.limited_by)) == (quality, limited_by)


def test_of_complete_recordings_the_lowest_limit_is_heard_and_every_limit_as_low_is_named() -> None:
    """The contract: min(preferred, subscription, network, what exists)."""
    for existing, preferred, subscription, network in product(LADDERS, ALL, ALL, ALL):
        decision = decide(existing, preferred=preferred, subscription=subscription, network=network)

        limits = {PREFERENCE: preferred, SUBSCRIPTION: subscription, NETWORK: network, SOURCE: existing[-1]}
        lowest = min(limits.values())
        named = [] if lowest is HI_RES else [reason for reason, limit in limits.items() if limit == lowest]
        assert (decision.quality, list(decision.limited_by)) == (lowest, named)


def test_of_any_tiers_the_best_allowed_one_is_heard_and_a_limit_is_named_when_it_alone_would_hold_it_there() -> None:
    for existing, *limits in product(SUBSETS, ALL, ALL, ALL):
        preferred, subscription, network = limits
        decision = decide(existing, preferred=preferred, subscription=subscription, network=network)

        assert decision.quality == highest(tier for tier in existing if all(tier <= limit for limit in limits))
        if decision.quality is HI_RES:
            assert decision.limited_by == ()
            continue
        for reason, limit in zip((PREFERENCE, SUBSCRIPTION, NETWORK), limits, strict=True):
            alone = highest(tier for tier in existing if tier <= limit)
            binds = limit == decision.quality or alone != highest(existing)
            assert (reason in decision.limited_by) == (alone == decision.quality and binds)
        lacks = min(limits) not in existing
        assert (SOURCE in decision.limited_by) == (lacks or decision.quality == highest(existing))


def test_nothing_is_heard_of_a_recording_that_has_nothing_low_enough() -> None:
    decision = decide([LOSSLESS, HI_RES], preferred=HI_RES, subscription=AAC_128)

    assert decision.quality is None
    assert set(decision.limited_by) == {SUBSCRIPTION, SOURCE}


def test_lossless_needs_its_permission_whatever_the_tier_says() -> None:
    assert subscription_limit(SubscriptionTier.PREMIUM, Role.USER) is AAC_256
    assert subscription_limit(SubscriptionTier.INDIVIDUAL, Role.USER) is AAC_256
    assert subscription_limit(SubscriptionTier.FREE, Role.USER) is AAC_128
    assert subscription_limit(SubscriptionTier.PREMIUM, Role.PREMIUM_USER) is HI_RES
    assert subscription_limit(SubscriptionTier.FREE, Role.ADMIN) is AAC_128


def highest(tiers: Iterable[AudioQuality]) -> AudioQuality | None:
    return max(tiers, default=None)
