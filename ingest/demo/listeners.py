"""Listeners to try the tiers with."""

import asyncio

from datasources.accounts import add_user
from datasources.sources import Sources
from domain.accounts import Role, SubscriptionTier, role_for_tier, username_key

PASSWORD = "segue-demo"
LISTENERS = {tier: tier.value.lower() for tier in SubscriptionTier}
"""A username for each tier."""


async def add_listeners(sources: Sources) -> None:
    """Add those that are missing."""
    hashed = await asyncio.to_thread(sources.passwords.hash, PASSWORD)
    for tier, name in LISTENERS.items():
        await add_user(
            sources,
            username=name,
            username_key=username_key(name),
            display_name=f"{name.capitalize()} listener",
            password_hash=hashed,
            tier=tier.value,
            role=role_for_tier(Role.USER, tier).value,
        )
