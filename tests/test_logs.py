"""What is logged, and what never is: nothing by which somebody could pass for a listener."""

import json
import re
from pathlib import Path

import httpx

from datasources.migrations import migrate
from datasources.sources import open_sources
from domain.accounts import Role
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.processes import environment, segue

PASSWORD = "a-password-that-nobody-else-has"
SIGN_IN = "mutation($name: String!, $password: String!) { register(username: $name, password: $password) { token } }"


async def test_no_secret_is_logged_and_every_line_names_its_request(own_settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with segue("serve", log=log, **environment(own_settings) | {"PORT": "0"}) as serving:
        await serving.says("A query to paste")
        found = re.search(r"serves (http://\S+)/graphql", serving.said)
        assert found
        async with httpx.AsyncClient(base_url=found[1]) as http:
            variables = {"name": "whoever", "password": PASSWORD}
            signed_in = await http.post("/graphql", json={"query": SIGN_IN, "variables": variables})
            token = signed_in.json()["data"]["register"]["token"]
            await http.post("/graphql", json={"query": "{ viewer { username } }"}, headers={"x-request-id": "mine"})
            await http.get("/graphql", params={"query": "{ genres { id } }", "token": token})
            wrong = variables | {"password": PASSWORD + "!"}
            login = SIGN_IN.replace("register", "login")
            await http.post("/graphql", json={"query": login, "variables": wrong})
            bearer = {"authorization": f"Bearer {token}"}
            await http.post(
                "/graphql", content=b'{"query": "{ viewer', headers=bearer | {"content-type": "application/json"}
            )

    text = log.read_text()
    requests = [json.loads(line) for line in text.splitlines() if line.startswith("{") and '"request"' in line]
    assert len(requests) == 5
    assert all(line["request_id"] and line["path"] == "/graphql" for line in requests)
    assert requests[1]["request_id"] == "mine"
    for secret in (token, PASSWORD, "sid=", "Bearer", "X-Amz-Signature"):
        assert secret not in text


async def test_an_admin_is_made_by_a_command(own_settings: Settings, tmp_path: Path) -> None:
    await migrate(str(own_settings.database_url))
    async with open_sources(own_settings) as sources, Client.of(sources, own_settings) as client:
        with segue("make-admin", "nobody", log=tmp_path / "log", **environment(own_settings)) as command:
            assert await command.status() == 1
        assert "There is no listener called 'nobody'." in command.said
        name = await client.sign_in()

        with segue("make-admin", name.upper(), log=tmp_path / "log", **environment(own_settings)) as command:
            assert await command.status() == 0, command.said

        answer = await client.ask("{ viewer { role permissions } }")
        assert answer.data["viewer"]["role"] == Role.ADMIN.value
        assert "accounts:manage" in answer.data["viewer"]["permissions"]
