"""Charging what fields cost before they run."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

from aiodataloader import DataLoader

from datasources.limits import Charge, Limits, Purse
from datasources.metrics import CHARGES
from domain.errors import RateLimited, Unavailable
from domain.limits import Budget, LimitClass


class Charges:
    """The charges of one operation. Fields that ask in the same moment, as siblings do, cost one round trip."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._uses: DataLoader[Purse, None] = DataLoader(self._charge_all, cache=False)
        self.budgets: dict[LimitClass, Budget] = {}
        """What is left of each budget that was charged."""

    def use(self, purse: Purse) -> Awaitable[None]:
        """Charge one use. Raises RateLimited when none is left; for signing in, Unavailable when nobody can tell."""
        return asyncio.shield(self._uses.load(purse))

    async def _charge_all(self, purses: list[Purse]) -> list[Any]:
        try:
            charges = await self._limits.charge(Counter(purses))
        except Unavailable as error:
            return [self._when_down(purse, error) for purse in purses]
        self.budgets |= {purse.kind: charge.budget for purse, charge in charges.items()}
        left = {purse: charge.granted for purse, charge in charges.items()}
        outcomes: list[Any] = []
        for purse in purses:
            left[purse] -= 1
            outcomes.append(None if left[purse] >= 0 else refusal(purse, charges[purse]))
            CHARGES.labels(purse.kind.value, "granted" if left[purse] >= 0 else "refused").inc()
        return outcomes

    def _when_down(self, purse: Purse, error: Unavailable) -> Unavailable | None:
        """Music goes on when nobody can count; guessing passwords does not."""
        CHARGES.labels(purse.kind.value, "uncounted").inc()
        return error if purse.kind is LimitClass.SIGN_IN else None


def refusal(purse: Purse, charge: Charge) -> RateLimited:
    wait = charge.budget.retry_after
    return RateLimited(
        f"No more than {charge.budget.limit} uses of {purse.kind.value} a minute; the next one is due in {wait} s.",
        retry_after=wait,
    )
