"""The sessions of a listener, and who may end them."""

import pytest

from datasources.sessions import session_key
from datasources.sources import Sources
from settings import Settings
from tests.fixtures.client import PASSWORD, Client

SESSIONS = "{ viewer { sessions { id deviceName current createdAt lastActiveAt } } }"
REVOKE = "mutation($id: ID!) { revokeSession(id: $id) }"
REVOKE_ALL = "mutation { revokeAllSessions }"
LOGIN = """
    mutation($name: String!, $password: String!, $device: String) {
      login(username: $name, password: $password, deviceName: $device) { token }
    }
"""


async def sign_in(client: Client, name: str, device: str) -> dict[str, str]:
    """The headers of one more session of a listener."""
    answer = await client.ask(LOGIN, name=name, password=PASSWORD, device=device)
    client.http.cookies.clear()
    return {"authorization": f"Bearer {answer.data['login']['token']}"}


async def test_a_listener_sees_their_sessions_and_which_one_is_asking(client: Client) -> None:
    name = await client.sign_in()
    phone = await sign_in(client, name, "  My\tphone ")

    sessions = (await client.ask(SESSIONS, headers=phone)).data["viewer"]["sessions"]

    assert {(session["deviceName"], session["current"]) for session in sessions} == {
        ("My phone", True),
        ("python-httpx/0.28.1", False),
    }


async def test_a_revoked_session_is_anonymous_at_once(client: Client) -> None:
    name = await client.sign_in()
    phone = await sign_in(client, name, "phone")
    sessions = (await client.ask(SESSIONS, headers=phone)).data["viewer"]["sessions"]
    (revoked,) = [session["id"] for session in sessions if session["current"]]

    assert (await client.ask(REVOKE, id=revoked)).data == {"revokeSession": True}

    assert (await client.ask(SESSIONS, headers=phone)).data == {"viewer": None}
    assert len((await client.ask(SESSIONS)).data["viewer"]["sessions"]) == 1
    assert (await client.ask(REVOKE, id=revoked)).codes == ["NOT_FOUND"]


async def test_nobody_ends_a_session_of_somebody_else(client: Client, sources: Sources, settings: Settings) -> None:
    await client.sign_in()
    (theirs,) = (await client.ask(SESSIONS)).data["viewer"]["sessions"]
    async with Client.of(sources, settings) as stranger:
        await stranger.sign_in()

        refused = await stranger.ask(REVOKE, id=theirs["id"])

    assert refused.codes == ["NOT_FOUND"]
    assert len((await client.ask(SESSIONS)).data["viewer"]["sessions"]) == 1


async def test_sign_out_everywhere(client: Client) -> None:
    name = await client.sign_in()
    others = [await sign_in(client, name, f"device {number}") for number in range(3)]

    assert (await client.ask(REVOKE_ALL)).data == {"revokeAllSessions": 4}

    for headers in [client.headers, *others]:
        assert (await client.ask(SESSIONS, headers=headers)).data == {"viewer": None}


@pytest.mark.parametrize("operation", [REVOKE_ALL, 'mutation { revokeSession(id: "x") }'])
async def test_anonymous_callers_end_nothing(client: Client, operation: str) -> None:
    assert (await client.ask(operation)).codes == ["UNAUTHENTICATED"]


async def test_an_expired_session_is_anonymous_and_forgotten(client: Client, sources: Sources) -> None:
    name = await client.sign_in()
    phone = await sign_in(client, name, "phone")
    await sources.valkey.pexpire(session_key(phone["authorization"].removeprefix("Bearer ")), 1)

    while (await client.ask(SESSIONS, headers=phone)).data["viewer"]:
        sources.sessions._drop(None)  # the copy, which would live on for five seconds

    assert len((await client.ask(SESSIONS)).data["viewer"]["sessions"]) == 1


@pytest.mark.parametrize(
    "change", [lambda token: token[:-1], lambda token: token[:-1] + "~", lambda token: token.upper()]
)
async def test_a_changed_token_is_nobodys(client: Client, change: object) -> None:
    assert callable(change)
    await client.sign_in()
    scheme, token = client.headers["authorization"].split()

    assert (await client.ask(SESSIONS, headers={"authorization": f"{scheme} {change(token)}"})).data == {"viewer": None}
