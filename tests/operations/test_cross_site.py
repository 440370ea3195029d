"""What another site's page can make a browser do: nothing that changes anything."""

import pytest

from datasources.sources import Sources
from settings import Settings
from tests.fixtures.client import Client

BODY = '{"query": "mutation { logout }"}'


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
async def test_a_post_with_a_simple_content_type_is_refused(client: Client, content_type: str | None) -> None:
    await client.sign_in()
    headers = client.headers | ({"content-type": content_type} if content_type else {})

    response = await client.http.post("/graphql", content=BODY, headers=headers)

    assert response.status_code in (400, 415)
    assert (await client.ask("{ viewer { username } }")).data["viewer"]


async def test_a_mutation_by_get_is_refused(client: Client) -> None:
    await client.sign_in()

    response = await client.http.get("/graphql", params={"query": "mutation { logout }"}, headers=client.headers)

    assert response.status_code == 400
    assert (await client.ask("{ viewer { username } }")).data["viewer"]


async def test_behind_tls_the_cookie_is_secure(sources: Sources, settings: Settings) -> None:
    behind = settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    async with Client.of(sources, behind) as client:
        await client.sign_in()
        answer = await client.ask(
            'mutation($n: String!) { register(username: $n, password: "long enough") { token } }',
            headers={"x-forwarded-proto": "https"},
            n=f"secure-{id(client)}",
        )

    assert "Secure" in answer.response.headers["set-cookie"]
