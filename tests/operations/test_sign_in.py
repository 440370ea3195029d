"""Signing up, in and out."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, func, select
from websockets.exceptions import ConnectionClosedError

from datasources.database import Statement
from datasources.sessions import LIFE, session_key
from datasources.sources import Sources
from datasources.tables.accounts import users
from domain.accounts import SubscriptionTier
from resolvers.sockets import SESSION_ENDED
from settings import Settings
from tests.fixtures.client import PASSWORD, Answer, Client, Socket

SIGN_IN = "{ token expiresAt viewer { username tier role permissions user { id displayName } } }"
REGISTER = f"""
    mutation($username: String!, $password: String!, $displayName: String) {{
      register(username: $username, password: $password, displayName: $displayName) {SIGN_IN}
    }}
"""
LOGIN = f"""
    mutation($username: String!, $password: String!, $deviceName: String) {{
      login(username: $username, password: $password, deviceName: $deviceName) {SIGN_IN}
    }}
"""
VIEWER = "{ viewer { username } }"
LOGOUT = "mutation { logout }"
USERS = Statement(select(func.count().label("count")).where(users.c.username_key == bindparam("name")))
ALL_USERS = Statement(select(func.count().label("count")).select_from(users))


@pytest.fixture
def name() -> str:
    return f"Zoë-{uuid4().hex[:12]}"


async def register(client: Client, username: str, **more: Any) -> Answer:
    return await client.ask(REGISTER, username=username, **{"password": PASSWORD} | more)


async def login(client: Client, username: str, password: str = PASSWORD, **more: Any) -> Answer:
    return await client.ask(LOGIN, username=username, password=password, **more)


async def viewer(client: Client, token: str | None = None) -> str | None:
    """Who the client is taken for; with a token, without its cookies."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = await client.ask(VIEWER, headers=headers)
    return answer.data["viewer"] and str(answer.data["viewer"]["username"])


async def count(sources: Sources, statement: Statement, **values: str) -> int:
    row = await sources.database.fetch_one(statement, **values)
    assert row
    return int(row.count)


async def test_a_new_listener_is_free_and_signed_in(client: Client, name: str) -> None:
    before = datetime.now(UTC)

    answer = await register(client, f"  {name} ")

    signed_in = answer.data["register"]
    assert signed_in["viewer"] == {
        "username": name,
        "tier": "FREE",
        "role": "USER",
        "permissions": ["catalog:read", "library:own", "stream:basic"],
        "user": {"id": signed_in["viewer"]["user"]["id"], "displayName": name},
    }
    expires = datetime.fromisoformat(signed_in["expiresAt"])
    assert before + LIFE <= expires <= datetime.now(UTC) + LIFE
    assert await viewer(client) == name
    assert PASSWORD not in answer.response.text


async def test_a_display_name_of_ones_own(client: Client, name: str) -> None:
    answer = await register(client, name, displayName="  Zoë \n K.  ")

    assert answer.data["register"]["viewer"]["user"]["displayName"] == "Zoë K."


@pytest.mark.parametrize("spelled", [str.upper, str.lower, lambda name: full_width(name), lambda name: f" {name} "])
async def test_a_name_signs_in_however_it_is_spelled(client: Client, name: str, spelled: Any) -> None:
    await register(client, name)
    client.http.cookies.clear()

    answer = await login(client, spelled(name))

    assert answer.data["login"]["viewer"]["username"] == name
    assert PASSWORD not in answer.response.text
    # The account by name; the viewer; as others see them.
    assert len(answer.statements) == 3


@pytest.mark.parametrize("spelled", [str, str.upper, lambda name: full_width(name)])
async def test_a_taken_name_is_a_conflict(client: Client, sources: Sources, name: str, spelled: Any) -> None:
    await register(client, name)
    client.http.cookies.clear()

    answer = await register(client, spelled(name), password="another password")

    assert answer.codes == ["CONFLICT"]
    assert answer.body["data"] is None
    assert "set-cookie" not in answer.response.headers
    assert await count(sources, USERS, name=name.casefold()) == 1
    assert (await login(client, name, "another password")).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("username", "password", "display_name"),
    [
        ("a", PASSWORD, None),
        ("a" * 65, PASSWORD, None),
        ("new\0name", PASSWORD, None),
        ("new\ud800name", PASSWORD, None),
        ("new name of mine", "7 chars", None),
        ("new name of mine", "x" * 1025, None),
        ("new name of mine", "lone surrogate \ud800", None),
        ("new name of mine", PASSWORD, ""),
        ("new name of mine", PASSWORD, "x" * 101),
        ("new name of mine", PASSWORD, "nul \0"),
    ],
)
async def test_what_cannot_be_a_listener_is_refused(
    client: Client, sources: Sources, username: str, password: str, display_name: str | None
) -> None:
    before = await count(sources, ALL_USERS)

    answer = await register(client, username, password=password, displayName=display_name)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.body["data"] is None
    assert answer.statements == []
    assert password not in answer.response.text
    assert "set-cookie" not in answer.response.headers
    assert await count(sources, ALL_USERS) == before


async def test_a_wrong_password_and_an_unknown_name_say_the_same(client: Client, name: str) -> None:
    await register(client, name)
    client.http.cookies.clear()

    wrong = await login(client, name, "wrong horse battery")
    unknown = await login(client, f"{name}-nobody")

    assert wrong.codes == ["UNAUTHENTICATED"]
    assert wrong.body["errors"] == unknown.body["errors"]
    assert "set-cookie" not in wrong.response.headers
    assert await viewer(client) is None


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("", ""),
        ("\0", PASSWORD),
        ("zoë\0", PASSWORD),
        ("zoë\ud800", PASSWORD),
        ("x" * 100_000, PASSWORD),
        ("zoë", "nul \0 nul"),
        ("zoë", "half \ud800"),
        ("zoë", "x" * 100_000),
    ],
)
async def test_what_nobody_is_called_signs_nobody_in(client: Client, username: str, password: str) -> None:
    answer = await login(client, username, password)

    assert answer.codes == ["UNAUTHENTICATED"]
    assert answer.messages == ["The username or the password is wrong."]


@pytest.mark.parametrize("device", ["Kitchen radio", "", "📻" * 1_000, "nul \0", "half \ud800"])
async def test_any_device_may_sign_in(client: Client, name: str, device: str) -> None:
    await register(client, name)

    assert (await login(client, name, deviceName=device)).data["login"]["viewer"]["username"] == name


async def test_the_cookie_is_for_browsers_alone_and_is_enough(client: Client, name: str) -> None:
    answer = await register(client, name)

    cookie = answer.response.headers["set-cookie"]
    assert cookie.startswith(f"sid={answer.data['register']['token']};")
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert attributes == {"HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={400 * 24 * 3600}"}
    assert await viewer(client) == name


async def test_the_cookie_is_secure_where_the_gateway_is(sources: Sources, settings: Settings, name: str) -> None:
    secure = Settings.model_validate(settings.model_dump() | {"public_url": "https://music.example"})
    async with Client.of(sources, secure) as client:
        answer = await register(client, name)

    assert "Secure" in answer.response.headers["set-cookie"]


async def test_the_bearer_token_is_enough(client: Client, name: str) -> None:
    token = (await register(client, name)).data["register"]["token"]
    client.http.cookies.clear()

    assert await viewer(client) is None
    assert await viewer(client, token) == name
    assert (await client.ask(VIEWER, headers={"authorization": f"bearer  {token} "})).data["viewer"]["username"] == name


async def test_the_token_signs_a_websocket_in(sources: Sources, settings: Settings, client: Client, name: str) -> None:
    token = (await register(client, name)).data["register"]["token"]

    async with Socket.of(sources, settings, authorization=f"Bearer {token}") as socket:
        assert (await socket.ask(VIEWER))["data"] == {"viewer": {"username": name}}
        # Once the session has ended elsewhere, so does its socket.
        await client.ask(LOGOUT)
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.receive()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == SESSION_ENDED


@pytest.mark.parametrize(
    "init", [{}, {"authorization": 7}, {"authorization": "Bearer A"}, {"authorization": "Bearer \ud800"}]
)
async def test_a_websocket_without_a_token_is_anonymous(
    sources: Sources, settings: Settings, init: dict[str, Any]
) -> None:
    async with Socket.of(sources, settings, **init) as socket:
        assert await socket.ask(VIEWER) == {"data": {"viewer": None}}


@pytest.mark.parametrize("by_cookie", [True, False])
async def test_logout_ends_the_session_for_cookie_and_bearer(client: Client, name: str, by_cookie: bool) -> None:
    token = (await register(client, name)).data["register"]["token"]
    other = (await login(client, name)).data["login"]["token"]
    client.http.cookies.clear()
    if by_cookie:
        client.http.cookies.set("sid", token)

    answer = await client.ask(LOGOUT, headers={} if by_cookie else {"authorization": f"Bearer {token}"})

    assert answer.data == {"logout": True}
    assert answer.statements == []
    assert 'sid=""' in answer.response.headers["set-cookie"]
    assert "Max-Age=0" in answer.response.headers["set-cookie"]
    assert await viewer(client, token) is None
    client.http.cookies.set("sid", token)
    assert await viewer(client) is None
    assert await viewer(client, other) == name, "another session goes on"
    client.http.cookies.clear()
    assert (await client.ask(LOGOUT)).data == {"logout": False}


async def test_one_request_sees_what_it_did(client: Client, name: str) -> None:
    await register(client, name)
    client.http.cookies.clear()
    answer = await client.ask(
        """mutation($name: String!, $password: String!) {
          login(username: $name, password: $password) { viewer { username } }
          out: logout
          again: logout
        }""",
        name=name,
        password=PASSWORD,
    )

    assert answer.data == {"login": {"viewer": {"username": name}}, "out": True, "again": False}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer "},
        {"authorization": "Bearer " + "A" * 43},
        {"authorization": "Bearer " + "A" * 10_000},
        {"authorization": "Basic em9lOnBhc3N3b3Jk"},
        {"authorization": b"Bearer \xff"},
        {"cookie": "sid=" + "A" * 43},
        {"cookie": b"sid=\xff"},
    ],
)
async def test_a_forged_token_is_anonymous(client: Client, headers: dict[str, Any]) -> None:
    answer = await client.ask(VIEWER, headers=headers)

    assert answer.data == {"viewer": None}
    assert answer.statements == []


async def test_other_peoples_session_is_not_reached_by_the_hash_that_is_stored(client: Client, name: str) -> None:
    token = (await register(client, name)).data["register"]["token"]
    client.http.cookies.clear()

    assert await viewer(client, session_key(token).removeprefix("sess:")) is None


async def test_only_a_hash_of_the_token_is_stored(client: Client, sources: Sources, name: str) -> None:
    token = (await register(client, name)).data["register"]["token"]

    stored = await everything_in(sources)

    assert session_key(token).encode() in stored
    assert token.encode() not in stored
    assert PASSWORD.encode() not in stored


async def test_a_session_lives_30_days_from_its_last_use(client: Client, sources: Sources, name: str) -> None:
    token = (await register(client, name)).data["register"]["token"]
    key = session_key(token)
    life = int(LIFE.total_seconds())
    assert life - 60 < await sources.valkey.ttl(key) <= life

    two_hours_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    await sources.valkey.hset(key, "active", two_hours_ago)
    await sources.valkey.expire(key, 100)
    assert await viewer(client) == name

    assert life - 60 < await sources.valkey.ttl(key) <= life
    assert (await sources.valkey.hget(key, "active")) not in (None, two_hours_ago.encode())


@pytest.mark.parametrize(
    ("tier", "role", "more"),
    [
        (SubscriptionTier.VOICE, "USER", []),
        (SubscriptionTier.PREMIUM, "PREMIUM_USER", ["stream:download", "stream:lossless"]),
    ],
)
async def test_the_viewer_knows_tier_role_and_permissions(
    client: Client, tier: SubscriptionTier, role: str, more: list[str]
) -> None:
    username = await client.sign_in(tier)

    answer = await client.ask("{ viewer { username tier role permissions } }")

    assert answer.data["viewer"] == {
        "username": username,
        "tier": tier.value,
        "role": role,
        "permissions": sorted(["catalog:read", "library:own", "stream:basic", *more]),
    }
    assert len(answer.statements) == 1


def full_width(name: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in name)


async def everything_in(sources: Sources) -> bytes:
    """Every key and every value of the key space."""
    valkey: Any = sources.valkey
    found: list[bytes] = []
    async for key in valkey.scan_iter(count=1000):
        found.append(key)
        if (await valkey.type(key)) == b"hash":
            found += [part for pair in (await valkey.hgetall(key)).items() for part in pair]
        elif (await valkey.type(key)) == b"set":
            found += await valkey.smembers(key)
        else:
            found.append(await valkey.get(key))
    return b"\n".join(found)
