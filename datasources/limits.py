"""Rate limits in Valkey, by the generic cell rate algorithm.

A budget of `limit` uses a minute is one number, the *theoretical arrival time*: when the uses made so far would have
been due, had they come evenly. It may run ahead of the clock by one period, which is the burst. Each use moves it on
by period / limit, so that a budget comes back continuously and nothing has to be counted.

Source: ITU-T I.371, the virtual scheduling form.
"""

from collections.abc import Mapping
from typing import NamedTuple

from redis.asyncio import Redis

from datasources.valkey import unavailable_when_down
from domain.limits import PERIOD_SECONDS, Budget, LimitClass

# KEYS: a budget each. ARGV: the period in ms, then limit and cost of each. Answers, for each: how many of the uses are
# granted, how many more there are, and the ms until the next. The server's clock is the only one.
CHARGE = """
local time = redis.call('TIME')
local now, period = time[1] * 1000 + time[2] / 1000, tonumber(ARGV[1])
local answers = {}
for i, key in ipairs(KEYS) do
    local interval, cost = period / tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local due = math.max(tonumber(redis.call('GET', key) or 0), now)
    local room = math.floor((now + period - due) / interval + 1e-6)
    local granted = math.min(cost, room)
    due = due + granted * interval
    if granted > 0 then
        redis.call('SET', key, string.format('%.3f', due), 'PX', math.max(1, math.ceil(due - now)))
    end
    local wait = room > granted and 0 or math.max(0, due + interval - period - now)
    table.insert(answers, {granted, room - granted, math.ceil(wait)})
end
return answers
"""


class Purse(NamedTuple):
    """Whose budget of what: a listener's id, or an address."""

    who: str
    kind: LimitClass


class Charge(NamedTuple):
    """What became of some uses: so many were granted, and this is left."""

    granted: int
    budget: Budget


class Limits:
    """Charges budgets. `per_minute` has the limit of each class."""

    def __init__(self, valkey: Redis, per_minute: Mapping[LimitClass, int]) -> None:
        self._charge = valkey.register_script(CHARGE)
        self._per_minute = per_minute

    async def charge(self, uses: Mapping[Purse, int]) -> dict[Purse, Charge]:
        """Charge all the uses in one round trip. Grants of each as many as there are. Raises Unavailable."""
        keys = [f"limit:{purse.kind.value}:{purse.who}" for purse in uses]
        arguments = [PERIOD_SECONDS * 1000]
        for purse, cost in uses.items():
            arguments += [self._per_minute[purse.kind], cost]
        with unavailable_when_down():
            answers = await self._charge(keys=keys, args=arguments)
        return {
            purse: Charge(granted, Budget(self._per_minute[purse.kind], remaining, -(-wait_ms // 1000)))
            for purse, (granted, remaining, wait_ms) in zip(uses, answers, strict=True)
        }
