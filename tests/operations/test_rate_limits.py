"""Budgets a minute: what they cost, what is left, and what happens when nobody can count."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from datasources.limits import Limits, Purse
from datasources.sources import Sources
from domain.limits import LimitClass
from ingest.tags import Tags
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.music import TRACK_ID, fresh, id_of, publish_album

LOGIN = 'mutation { login(username: "nobody", password: "wrong password") { token } }'


@pytest.fixture
async def limited(sources: Sources, settings: Settings) -> AsyncIterator[Client]:
    """A gateway that grants 30 streams and 10 sign-ins a minute."""
    limits = Limits(sources.valkey, dict.fromkeys(LimitClass, 30) | {LimitClass.SIGN_IN: 10})
    await sources.valkey.delete("limit:signIn:127.0.0.1")  # which other tests have drawn on
    async with Client.of(replace(sources, limits=limits), settings) as client:
        yield client


@pytest.fixture
async def track(sources: Sources) -> str:
    title = fresh("Song")
    await publish_album(sources, Tags(title=title, artist=fresh("Artist"), album=fresh("Album")))
    return await id_of(sources, TRACK_ID, title=title)


def streams(track: str, count: int) -> str:
    fields = " ".join(f"s{number}: stream {{ quality }}" for number in range(count))
    return f'{{ track(id: "{track}") {{ {fields} }} }}'


async def test_each_use_costs_one_and_the_answer_says_what_is_left(limited: Client, track: str) -> None:
    await limited.sign_in()

    one = await limited.ask(streams(track, 1))
    ten = await limited.ask(streams(track, 10))

    assert one.body["extensions"] == {"rateLimit": {"stream": {"limit": 30, "remaining": 29, "retryAfter": 0}}}
    assert ten.body["extensions"]["rateLimit"]["stream"]["remaining"] == 19


async def test_the_thirty_first_is_refused_until_the_time_it_names(limited: Client, track: str) -> None:
    await limited.sign_in()
    assert (await limited.ask(streams(track, 30))).codes == []

    refused = await limited.ask(streams(track, 1))

    assert refused.codes == ["RATE_LIMITED"]
    assert refused.body["errors"][0]["extensions"]["retryAfter"] == 2
    assert refused.body["extensions"]["rateLimit"]["stream"] == {"limit": 30, "remaining": 0, "retryAfter": 2}


async def test_the_named_time_is_true(sources: Sources) -> None:
    """Moving the budget's clock back by what was named makes room for one use, and no more."""
    limits, purse = Limits(sources.valkey, {LimitClass.SEARCH: 30}), Purse(uuid4().hex, LimitClass.SEARCH)
    (charge,) = (await limits.charge({purse: 31})).values()
    assert (charge.granted, charge.budget.retry_after) == (30, 2)

    key = f"limit:search:{purse.who}"
    await sources.valkey.set(key, float(await sources.valkey.get(key) or 0) - 2000)

    (charge,) = (await limits.charge({purse: 2})).values()
    assert charge.granted == 1


async def test_a_request_that_asks_for_too_much_gets_what_is_left(limited: Client, track: str) -> None:
    await limited.sign_in()
    await limited.ask(streams(track, 20))

    answer = await limited.ask(f'{{ track(id: "{track}") {{ title }} nodes(ids: []) {{ id }} }}')
    assert "extensions" not in answer.body, "what costs nothing says nothing of budgets"

    assert (await limited.ask(streams(track, 11))).codes == ["RATE_LIMITED"]


async def test_listeners_do_not_share_a_budget(limited: Client, sources: Sources, track: str) -> None:
    await limited.sign_in()
    await limited.ask(streams(track, 30))
    await limited.sign_in()

    assert (await limited.ask(streams(track, 1))).codes == []


async def test_guessing_passwords_is_refused_by_address(limited: Client, settings: Settings) -> None:
    codes = [(await limited.ask(LOGIN, headers={"x-forwarded-for": f"10.0.0.{n}"})).codes for n in range(12)]

    assert codes == [["UNAUTHENTICATED"]] * 10 + [["RATE_LIMITED"]] * 2, (
        "an address that nobody trusted told is no address"
    )


async def test_a_trusted_proxy_tells_the_address(sources: Sources, settings: Settings) -> None:
    limits = Limits(sources.valkey, dict.fromkeys(LimitClass, 2))
    behind = settings.model_copy(update={"trusted_proxies": "127.0.0.1, 10.1.0.0/16"})
    addresses = [f"192.0.2.{uuid4().int % 250}", f"198.51.100.{uuid4().int % 250}"]
    async with Client.of(replace(sources, limits=limits), behind) as client:
        for address in addresses:
            # What the caller itself put in front is not believed.
            chain = {"x-forwarded-for": f"203.0.113.{uuid4().int % 250}, {address}, 10.1.2.3"}
            codes = [(await client.ask(LOGIN, headers=chain)).codes for _ in range(3)]
            assert codes == [["UNAUTHENTICATED"], ["UNAUTHENTICATED"], ["RATE_LIMITED"]]


async def test_music_goes_on_when_nobody_can_count_and_signing_in_does_not(
    sources: Sources, settings: Settings, client: Client, track: str
) -> None:
    await client.sign_in()
    async with Redis.from_url("redis://127.0.0.1:1/0") as nowhere:
        limits = Limits(nowhere, dict.fromkeys(LimitClass, 10))
        async with Client.of(replace(sources, limits=limits), settings) as uncounted:
            assert (await uncounted.ask(streams(track, 12), headers=client.headers)).codes == []
            assert (await uncounted.ask(LOGIN)).codes == ["UNAVAILABLE"]
            counters = (await uncounted.http.get("/metrics")).text

    assert 'rate_limit_uses_total{limit="stream",result="uncounted"}' in counters


async def test_one_round_trip_a_request(limited: Client, sources: Sources, track: str) -> None:
    await limited.sign_in()
    await limited.ask(streams(track, 1))
    before = (await sources.valkey.info("commandstats"))["cmdstat_evalsha"]["calls"]

    await limited.ask(streams(track, 12))

    assert (await sources.valkey.info("commandstats"))["cmdstat_evalsha"]["calls"] == before + 1
