"""Tiers and roles: who may change them, and how soon it counts."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from datasources import sessions
from datasources.accounts import change_rights
from datasources.channels import Channels
from datasources.session_news import SessionNews
from datasources.sessions import Sessions
from datasources.sources import Sources
from domain.accounts import Role, SubscriptionTier
from domain.errors import Unavailable
from ingest.tags import Tags
from settings import Settings
from tests.fixtures.client import PASSWORD, Client
from tests.fixtures.music import ALL, TRACK_ID, fresh, id_of, publish_album, recording

SET_TIER = "mutation($id: ID!, $tier: SubscriptionTier!) { setTier(userId: $id, tier: $tier) { id displayName } }"
SET_ROLE = "mutation($id: ID!, $role: Role!) { setRole(userId: $id, role: $role) { id } }"
ME = "{ viewer { user { id } tier role permissions } }"
STREAM = "query($id: ID!) { track(id: $id) { stream { quality } } }"
LOGIN = "mutation($name: String!, $password: String!) { login(username: $name, password: $password) { token } }"
NOBODY = "01920000-0000-7000-8000-000000000000"


async def test_a_new_tier_counts_from_the_next_request_on(client: Client, sources: Sources, settings: Settings) -> None:
    title = fresh("Song")
    await publish_album(sources, Tags(title=title, artist=fresh("Artist"), album=fresh("Album")), made=recording(ALL))
    track = await id_of(sources, TRACK_ID, title=title)
    await client.sign_in()
    me = (await client.ask(ME)).data["viewer"]["user"]["id"]
    async with Client.of(sources, settings) as admin:
        await admin.sign_in(role=Role.ADMIN)
        for tier, quality, role in (
            ("PREMIUM", "HI_RES_LOSSLESS", "PREMIUM_USER"),
            ("INDIVIDUAL", "LOSSLESS", "PREMIUM_USER"),
            ("VOICE", "AAC_256", "USER"),
            ("FREE", "AAC_128", "USER"),
        ):
            assert (await admin.ask(SET_TIER, id=me, tier=tier)).data["setTier"]["id"] == me

            assert (await client.ask(STREAM, id=track)).data["track"]["stream"]["quality"] == quality
            viewer = (await client.ask(ME)).data["viewer"]
            assert (viewer["tier"], viewer["role"]) == (tier, role)


async def test_a_role_brings_its_permissions(client: Client, sources: Sources, settings: Settings) -> None:
    await client.sign_in()
    me = (await client.ask(ME)).data["viewer"]["user"]["id"]
    async with Client.of(sources, settings) as admin:
        await admin.sign_in(role=Role.ADMIN)
        await admin.ask(SET_ROLE, id=me, role="CURATOR")

    assert "playlist:public" in (await client.ask(ME)).data["viewer"]["permissions"]


@pytest.mark.parametrize("role", [None, Role.USER, Role.PREMIUM_USER, Role.CURATOR])
@pytest.mark.parametrize(("mutation", "to"), [(SET_TIER, {"tier": "PREMIUM"}), (SET_ROLE, {"role": "ADMIN"})])
async def test_only_an_admin_changes_rights(
    client: Client, role: Role | None, mutation: str, to: dict[str, Any]
) -> None:
    me = NOBODY
    if role:
        await client.sign_in(role=role)
        before = (await client.ask(ME)).data["viewer"]
        me = before["user"]["id"]

    refused = await client.ask(mutation, id=me, **to)

    assert refused.codes == ["FORBIDDEN" if role else "UNAUTHENTICATED"]
    if role:
        assert (await client.ask(ME)).data["viewer"] == before


async def test_nobody_has_no_rights(client: Client) -> None:
    await client.sign_in(role=Role.ADMIN)

    assert (await client.ask(SET_TIER, id=NOBODY, tier="FREE")).codes == ["NOT_FOUND"]
    assert (await client.ask(SET_ROLE, id="me", role="USER")).codes == ["BAD_USER_INPUT"]


async def test_a_sign_in_during_a_change_has_the_rights_after_it(
    client: Client, sources: Sources, settings: Settings
) -> None:
    """Whatever the order in which they meet, no session is left with the old tier."""
    async with Client.of(sources, settings) as admin, Client.of(sources, settings) as listener:
        await admin.sign_in(role=Role.ADMIN)
        name = await listener.sign_in()
        me = (await listener.ask(ME)).data["viewer"]["user"]["id"]
        for tier in [SubscriptionTier.PREMIUM, SubscriptionTier.FREE] * 15:
            _, *answers = await asyncio.gather(
                admin.ask(SET_TIER, id=me, tier=tier.value),
                *(client.ask(LOGIN, name=name, password=PASSWORD) for _ in range(3)),
            )
            sessions = await sources.sessions.of_user((await sources.sessions.find(token(answers[0]))).user_id)  # type: ignore[union-attr]
            assert {session.tier for session in sessions} == {tier}
            await listener.ask("{ viewer { username } }")


def token(answer: object) -> str:
    return str(answer.data["login"]["token"])  # type: ignore[attr-defined]


async def test_rights_stay_as_they_are_while_sessions_cannot_be_told(
    client: Client, sources: Sources, settings: Settings
) -> None:
    await client.sign_in()
    before = (await client.ask(ME)).data["viewer"]
    async with Redis.from_url("redis://127.0.0.1:1/0") as nowhere:
        deaf = replace(sources, sessions=Sessions(nowhere, SessionNews(Channels(nowhere))))

        with pytest.raises(Unavailable):
            await change_rights(deaf, UUID(before["user"]["id"]), lambda row: (Role.ADMIN, SubscriptionTier(row.tier)))

    assert (await client.ask(ME)).data["viewer"] == before


async def test_rights_that_arrive_too_late_do_not_count(
    client: Client, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the store hangs, the caller gives up, and the store goes on to do what it was sent."""
    await client.sign_in()
    me = UUID((await client.ask(ME)).data["viewer"]["user"]["id"])
    monkeypatch.setattr(sessions, "RIGHTS_LIMIT_MS", -1)

    with pytest.raises(Unavailable):
        await sources.sessions.change_rights(me, Role.ADMIN, SubscriptionTier.PREMIUM)

    (session,) = await sources.sessions.of_user(me)
    assert (session.role, session.tier) == (Role.USER, SubscriptionTier.FREE)
