"""The commands as a person types them: real processes, from the outside."""

import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from gateway import commands
from ingest.demo.listeners import LISTENERS, PASSWORD
from settings import Settings
from tests.fixtures.audio import tone, write_audio
from tests.fixtures.catalogue import Catalogue
from tests.fixtures.processes import Command, environment, eventually, processes_of, segue

START_AIM, START_BOUND = 10.0, 60.0
TITLES = "{ genres { name } }"


async def answering(command: Command) -> str:
    """The address of a gateway, once it answers."""
    said = await command.says("Segue serves ", START_BOUND)
    url = said.split("Segue serves ")[1].split()[0]

    async def ready() -> Any:
        async with httpx.AsyncClient() as web:
            answer = await web.get(url.replace("/graphql", "/readyz"))
        return answer.status_code == 200 and answer.json()["failing"] == []

    await eventually(ready, START_BOUND)
    return url


async def ask(url: str, query: str, token: str = "", **variables: Any) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers) as web:
        answer = (await web.post(url, json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def genres(url: str) -> list[str]:
    return [genre["name"] for genre in (await ask(url, TITLES))["genres"]]


async def test_a_gateway_from_its_first_start_to_its_last(data: Path, tmp_path: Path) -> None:
    log, variables = tmp_path / "log", {"SEGUE_DATA": str(data), "PORT": "0"}
    music = tmp_path / "music"
    music.mkdir()
    write_audio(music / "1.flac", tone(440, 1), 44_100, tags={"title": "A", "genre": "Drone", "artist": "B"})

    began = time.monotonic()
    with segue("serve", log=log, **variables) as gateway:
        url = await answering(gateway)
        assert await genres(url) == []
        print(f"first answer after {time.monotonic() - began:.1f} s; the aim is {START_AIM:.0f} s")
        stores = processes_of(data)

        with segue("ingest", str(music), log=tmp_path / "ingest log", SEGUE_DATA=str(data)) as ingest:
            assert await ingest.status() == 0, ingest.said
        assert await genres(url) == ["Drone"]
        assert {each.pid for each in processes_of(data)} == {each.pid for each in stores}

        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.status(30) == 0
        await nothing_runs(data)
        assert "Traceback" not in gateway.said

    with segue("serve", log=log, **variables) as gateway:
        assert await genres(await answering(gateway)) == ["Drone"]
        gateway.process.kill()
        await gateway.status()
        # Started again at once, while the stores of the killed one are still on their way out.
        with segue("serve", log=tmp_path / "second log", **variables) as again:
            assert await genres(await answering(again)) == ["Drone"]
            again.process.send_signal(signal.SIGINT)
            assert await again.status(30) == 0
            await nothing_runs(data)
            assert "Traceback" not in again.said


async def nothing_runs(data: Path) -> None:
    await eventually(lambda: processes_of(data) == [])


async def test_a_port_in_use_is_told_before_anything_starts(data: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with segue("serve", log=tmp_path / "log", SEGUE_DATA=str(data), PORT=str(port)) as gateway:
            assert await gateway.status() == 1

    assert gateway.said.startswith(f"Cannot listen on 127.0.0.1:{port} ")
    assert f"PORT={port + 1}" in gateway.said
    assert len(gateway.said.splitlines()) == 1
    assert not data.exists()
    assert processes_of(data) == []


async def test_a_store_that_is_not_there_is_told(data: Path, tmp_path: Path) -> None:
    with segue("migrate", log=tmp_path / "log", SEGUE_DATA=str(data), **NOWHERE) as migrate:
        assert await migrate.status() == 1

    assert migrate.said == "DATABASE_URL: The database does not answer just now; try again.\n"
    assert not data.exists()


NOWHERE = {
    "DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/music",
    "REDIS_URL": "redis://127.0.0.1:1",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
}


async def test_ctrl_c_while_the_stores_start_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    for stop in (signal.SIGINT, signal.SIGTERM):
        with segue("serve", log=tmp_path / "log", SEGUE_DATA=str(data), PORT="0") as gateway:
            await gateway.says("Starting the stores")
            await eventually(lambda: processes_of(data))
            gateway.process.send_signal(stop)
            await gateway.status(30)
            assert "Traceback" not in gateway.said
        await nothing_runs(data)


async def test_migrate_may_be_run_again(own_settings: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        with segue("migrate", log=tmp_path / "log", **environment(own_settings)) as migrate:
            assert await migrate.status() == 0, migrate.said
        assert migrate.said == "The database is at the newest migration.\n"


async def test_ingest_of_nothing_tells_so_by_its_status(own_settings: Settings, tmp_path: Path) -> None:
    with segue("ingest", str(tmp_path / "nowhere"), log=tmp_path / "log", **environment(own_settings)) as ingest:
        assert await ingest.status() == 1

    assert "There is no such file or folder." in ingest.said


COMMANDS = ("serve", "ingest", "migrate", "demo", "make-admin", "schema")


@pytest.mark.parametrize("name", [[], *([name] for name in COMMANDS)])
def test_help_reads_well(name: list[str]) -> None:
    shown = CliRunner().invoke(commands, [*name, "--help"], env={"COLUMNS": "100", "TERM": "dumb"})

    assert shown.exit_code == 0
    assert "Usage: " in shown.output
    command = commands.registered_commands
    if name:
        function = name[0].replace("-", "_")
        (summary,) = [each.callback.__doc__ for each in command if each.callback and each.callback.__name__ == function]
        assert summary
        assert summary.split("\n")[0][:40] in shown.output
    else:
        assert all(each.callback.__name__.replace("_", "-") in shown.output for each in command if each.callback)


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(commands, ["play"]).exit_code == 2


def test_schema_prints_what_is_in_git() -> None:
    shown = CliRunner().invoke(commands, ["schema"])

    assert shown.exit_code == 0
    assert shown.output == (Path(__file__).parents[1] / "schema" / "schema.graphql").read_text()


LOGIN = "mutation($name: String!, $password: String!) { login(username: $name, password: $password) { token } }"
STREAM = "query($id: ID!) { track(id: $id) { stream(network: WIFI, preferred: HI_RES_LOSSLESS) { quality } } }"


async def test_the_demo_is_a_catalogue_and_a_listener_for_each_tier(settings: Settings, tmp_path: Path) -> None:
    async with Catalogue.empty(settings, tmp_path / "unused") as catalogue:
        variables = environment(catalogue.settings) | {"SEGUE_DATA": str(tmp_path / "data")}
        with segue("demo", log=tmp_path / "log", **variables) as demo:
            assert await demo.status(300) == 0, demo.said

        rows = await catalogue.rows()
        assert (len(rows["albums"]), len(rows["tracks"]), len(rows["users"])) == (5, 12, len(LISTENERS))
        tracks = await catalogue.tracks()
        (best,) = [track for track in tracks.values() if track["qualities"][0] == "HI_RES_LOSSLESS"]
        heard = {}
        for tier, name in LISTENERS.items():
            token = (await catalogue.client.ask(LOGIN, name=name, password=PASSWORD)).data["login"]["token"]
            catalogue.client.http.cookies.clear()
            answer = await catalogue.client.ask(STREAM, {"authorization": f"Bearer {token}"}, id=best["id"])
            heard[tier.value] = answer.data["track"]["stream"]["quality"]
        assert heard == {
            "FREE": "AAC_128",
            "VOICE": "AAC_256",
            "INDIVIDUAL": "LOSSLESS",
            "PREMIUM": "HI_RES_LOSSLESS",
        }
        assert [left.name for left in (tmp_path / "data").iterdir()] == ["ingest"]
